import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from classifier.manifest import MANIFEST
from tests.classifier.tiny_model import build_model
from tests.classifier.training.conftest import Ran, Trained, World
from tests.classifier.training.tiny_world import write_rows, write_text

Referee = Callable[..., Ran]

CHAT = [
    *({"text": f"you idiot number {n}", "label": "insult"} for n in range(6)),
    *({"text": f"well played number {n}", "label": "non_toxic"} for n in range(6)),
    {"text": "buy a game", "label": "spam"},
    {"text": "kill the game", "label": "non_toxic"},
    {"text": "xylophone idiot", "label": "threat"},
]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return build_model(tmp_path / "model")


def write_chat(folder: Path, rows: Sequence[Mapping[str, Any]] = CHAT, **more: str) -> Path:
    return write_rows(folder / "chat.jsonl", [{**row, **more} for row in rows])


def figures(ran: Ran) -> dict[str, Any]:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    assert ran.code == 0, ran.err
    told: dict[str, Any] = json.loads(ran.out, parse_constant=refuse)
    return told


def test_without_data_the_built_in_sentences_are_measured_alone(referee: Referee, model: Path) -> None:
    told = figures(referee("model", "evaluate", str(model), "--json"))

    assert (told["model"], told["flag_threshold"]) == ("tiny-1", 0.6)
    assert "all" not in told
    assert told["robustness"]["lines"] == "built-in"
    assert told["robustness"]["kinds"]["full-width letters"]["half"]["ratio"] == 1.0
    assert told["robustness"]["kinds"]["reversed"]["half"]["ratio"] < 0.5
    # The tiny model finds `kill` wherever it stands.
    assert told["violent_talk"]["all"]["half"] > 0.05
    assert told["bias"]["all"]["half"] == 0.0
    assert [target["met"] for target in told["targets"]] == [False, True, False, True, False]


def test_with_data_rows_and_sentences_are_measured(referee: Referee, model: Path, tmp_path: Path) -> None:
    told = figures(referee("model", "evaluate", str(model), str(write_chat(tmp_path)), "--json"))

    assert (told["part"], told["all"]["rows"], told["all"]["toxic"]) == ("all", 15, 8)
    assert (told["all"]["recall"], told["all"]["precision"]) == (1.0, 0.8889)
    assert told["sources"]["chat"] == told["all"]
    assert told["intervals"]["all"]["f1"][0] <= told["all"]["f1"] <= told["intervals"]["all"]["f1"][1]
    assert told["categories"]["insult"]["precision"] == 0.8571
    assert told["classes"]["plain"]["classes"]["threat"]["recall"] == 0.0
    assert told["classes"]["weighted"] is None
    assert told["slices"]["length"]["11-20"]["rows"] == 14
    assert told["robustness"]["lines"] == "data"
    assert told["robustness"]["all"]["toxic"] > 8 * 15


def test_class_weights_of_the_model_are_used(referee: Referee, model: Path, tmp_path: Path) -> None:
    change_manifest(model, class_weights={"threat": 1e6})

    told = figures(referee("model", "evaluate", str(model), str(write_chat(tmp_path)), "--no-probes", "--json"))

    assert told["classes"]["plain"]["classes"]["threat"]["recall"] == 0.0
    assert told["classes"]["weighted"]["classes"]["threat"]["recall"] == 1.0


def change_manifest(folder: Path, **fields: object) -> None:
    path = folder / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | fields), encoding="utf-8")


@pytest.mark.parametrize(
    ("splits", "options", "part", "rows"),
    [
        (("train", "tune", "test"), (), "test", 5),
        (("train", "tune", "train"), (), "tune", 5),
        (("train", "tune", "test"), ("--part", "tune"), "tune", 5),
        (("train", "tune", "test"), ("--whole",), "all", 15),
        (("train", "tune", "test"), ("--part", "all"), "all", 15),
    ],
)
def test_test_rows_come_before_tune_rows_unless_asked(
    referee: Referee,
    model: Path,
    tmp_path: Path,
    splits: tuple[str, ...],
    options: tuple[str, ...],
    part: str,
    rows: int,
) -> None:
    data = write_chat(tmp_path, [{**row, "split": splits[i % 3]} for i, row in enumerate(CHAT)])

    told = figures(referee("model", "evaluate", str(model), str(data), *options, "--no-probes", "--json"))

    assert (told["part"], told["all"]["rows"]) == (part, rows)


def test_rows_of_a_source_that_the_model_was_trained_on_are_not_measured_unasked(
    referee: Referee, model: Path, tmp_path: Path
) -> None:
    change_manifest(model, training={"rows": {"chat": 9}})

    ran = referee("model", "evaluate", str(model), str(write_chat(tmp_path)), "--no-probes")

    assert (ran.code, ran.out) == (2, "")
    assert "no tune rows" in ran.err
    assert "--whole" in ran.err


def test_the_split_is_that_of_the_models_own_run(referee: Referee, model: Path, tmp_path: Path) -> None:
    (model / "run.toml").write_text("[split]\ntest_share = 0.4\n", encoding="utf-8")

    told = figures(referee("model", "evaluate", str(model), str(write_chat(tmp_path)), "--no-probes", "--json"))

    assert told["part"] == "test"
    assert 3 <= told["all"]["rows"] <= 9
    assert told["slices"]["seen in training"]["no"]["rows"] == told["all"]["rows"]


def test_a_text_that_training_had_counts_apart(referee: Referee, model: Path, tmp_path: Path) -> None:
    rows = [{**row, "split": "test"} for row in CHAT] + [{**CHAT[0], "split": "train"}]

    told = figures(referee("model", "evaluate", str(model), str(write_chat(tmp_path, rows)), "--no-probes", "--json"))

    assert told["all"]["rows"] == 14
    assert told["slices"]["seen in training"]["yes"]["rows"] == 1


def test_a_disguise_of_the_data_is_seen_before_it_is_undone(referee: Referee, model: Path, tmp_path: Path) -> None:
    rows = [*CHAT, {"text": "you l0ser", "label": "insult"}]

    told = figures(referee("model", "evaluate", str(model), str(write_chat(tmp_path, rows)), "--no-probes", "--json"))

    assert told["slices"]["disguise"]["leetspeak"]["rows"] == 1
    assert told["slices"]["disguise"]["leetspeak"]["half"]["recall"] == 1.0


def test_columns_and_labels_of_another_file_are_mapped(referee: Referee, model: Path, tmp_path: Path) -> None:
    data = write_text(tmp_path / "lines.csv", "msg,verdict\nyou idiot,RUDE\nwell played,fine\ngood game,fine\n")
    mapping = write_text(tmp_path / "map.toml", '[labels]\nRUDE = "insult"\n')

    given = ("--text", "msg", "--label", "verdict", "--clean", "fine", "--map", str(mapping))
    told = figures(referee("model", "evaluate", str(model), str(data), *given, "--no-probes", "--json"))

    assert told["categories"] == {"insult": {"rows": 1, "precision": 1.0, "recall": 1.0, "f1": 1.0}}


def test_another_threshold_counts_others_as_flagged(referee: Referee, model: Path, tmp_path: Path) -> None:
    asked = ("model", "evaluate", str(model), str(write_chat(tmp_path)), "--no-probes", "--json", "--threshold")

    assert figures(referee(*asked, "1"))["all"]["flagged_of_toxic"] == 0.0
    assert figures(referee(*asked, "0.9"))["all"]["flagged_of_toxic"] == 1.0


@pytest.mark.parametrize("threshold", ["0", "1.1", "-0.5", "nan", "inf", "half", ""])
def test_a_threshold_that_is_no_probability_is_refused(referee: Referee, model: Path, threshold: str) -> None:
    ran = referee("model", "evaluate", str(model), "--threshold", threshold)

    assert (ran.code, ran.out) == (2, "")
    assert "no threshold" in ran.err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--no-probes",), "nothing to measure"),
        (("--whole", "--part", "tune"), "--whole"),
        (("--part", "dev"), "'dev'"),
        (("--worst", "-1"), "--worst"),
        (("--recipe", "gone.toml"), "gone.toml"),
    ],
)
def test_what_cannot_be_asked_is_refused(referee: Referee, model: Path, options: tuple[str, ...], told: str) -> None:
    ran = referee("model", "evaluate", str(model), *options)

    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err
    assert "Traceback" not in ran.err


def test_data_in_place_of_a_model_is_told(referee: Referee, tmp_path: Path) -> None:
    ran = referee("model", "evaluate", str(write_chat(tmp_path)))

    assert (ran.code, ran.out) == (2, "")
    assert "chat.jsonl holds no model" in ran.err


def test_the_tables_fit_and_show_no_text_of_the_data(referee: Referee, model: Path, tmp_path: Path) -> None:
    ran = referee("model", "evaluate", str(model), str(write_chat(tmp_path)), "--worst", "2")

    assert ran.code == 0
    assert "xylophone" not in ran.out
    assert max(map(len, map(str.rstrip, ran.out.splitlines()))) <= 100
    for words in (
        "chat",
        "AUC",
        "non_toxic",
        "length: 11-20",
        "leetspeak",
        "moba",
        "left-handed",
        "targets",
        "worst of",
    ):
        assert words in ran.out


def test_the_worst_sentences_are_ours_and_the_worst(referee: Referee, model: Path, tmp_path: Path) -> None:
    asked = ("model", "evaluate", str(model), "--worst", "3", "--json")
    alone, beside = figures(referee(*asked)), figures(referee(*asked, str(write_chat(tmp_path))))

    assert {name: len(lines) for name, lines in alone["worst"].items()} == dict.fromkeys(alone["worst"], 3)
    assert all("kill" in line["text"] for line in alone["worst"]["violent_talk"])
    assert alone["worst"]["disguised_toxic"][0]["toxic"] < 0.5
    assert beside["worst"]["disguised_toxic"] == []


def test_the_shipped_model_is_named_by_a_word(referee: Referee, tmp_path: Path) -> None:
    rows = [{"text": "you are a useless idiot", "label": "insult"}, {"text": "gg wp everyone", "label": "non_toxic"}]

    told = figures(referee("model", "evaluate", "shipped", str(write_chat(tmp_path, rows)), "--no-probes", "--json"))

    assert told["all"]["auc"] == 1.0
    assert told["part"] == "all"


def test_int8_is_compared_with_fp32(referee: Referee, trained: Trained, world: World) -> None:
    ran = referee("model", "evaluate", str(trained.folder), str(world.data), "--fp32", "--json", "--whole")

    told = figures(ran)["int8_beside_fp32"]
    assert 0 < told["mean_difference"] < 0.05
    assert "bias/all/half" in told["points"]
    assert ran.err.strip() == ""


def test_a_model_without_weights_cannot_be_compared_with_fp32(referee: Referee, model: Path) -> None:
    ran = referee("model", "evaluate", str(model), "--fp32")

    assert ran.code == 2
    assert "Traceback" not in ran.err
    assert "cannot be loaded" in ran.err or "no weights" in ran.err
