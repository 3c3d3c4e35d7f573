from pathlib import Path

import pytest

from bot.errors import SpeechModelMissing
from bot.speech.models import find_model


def test_the_offline_model_is_the_one_in_the_installed_package():
    assert (Path(find_model("offline")) / "model.bin").is_file()


def test_without_the_package_the_error_says_what_to_install():
    with pytest.raises(SpeechModelMissing, match=r"referee-moderation\[speech-model\].*REFEREE_SPEECH_MODEL"):
        find_model("offline", package="no_such_speech_package")


def test_a_folder_with_weights_is_taken(tmp_path):
    (tmp_path / "model.bin").touch()

    assert find_model(str(tmp_path)) == str(tmp_path)


def test_a_folder_without_weights_is_refused(tmp_path):
    with pytest.raises(SpeechModelMissing, match=r"holds no model\.bin"):
        find_model(str(tmp_path))


def test_a_folder_that_is_not_there_is_not_taken_for_a_model_name():
    with pytest.raises(SpeechModelMissing, match="there is no folder /no/such/model"):
        find_model("/no/such/model")


@pytest.mark.parametrize("name", ["small", "Systran/faster-whisper-small"])
def test_a_model_name_is_left_to_faster_whisper(name):
    assert find_model(name) == name
