"""What a model of many languages tells: a small one, made here, that takes all it hears for the German word *hallo*."""

import gc
import weakref
from pathlib import Path

import numpy as np
import pytest
import torch
from ctranslate2.converters.transformers import WhisperLoader
from faster_whisper.tokenizer import _LANGUAGE_CODES
from tokenizers import Tokenizer, decoders
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from transformers import WhisperConfig, WhisperForConditionalGeneration

from bot.domain import Clip
from bot.errors import SpeechModelMissing
from bot.speech.ears import Ears, EarSettings
from bot.speech.slices import Slice
from bot.speech.transcriber import WhisperTranscriber
from bot.spoken import joined

WORD = 256
FIRST_SPECIAL = 50257
LANGUAGES = sorted(set(_LANGUAGE_CODES) - {"en", "yue"})
LANGUAGES.insert(0, "en")
SPECIAL = [
    *("<|endoftext|>", "<|startoftranscript|>", *(f"<|{code}|>" for code in LANGUAGES)),
    *("<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nocaptions|>", "<|notimestamps|>"),
]
SIZE = 51865
GERMAN = FIRST_SPECIAL + SPECIAL.index("<|de|>")
SIDE = {"layers": 1, "attention_heads": 1, "ffn_dim": 64}


class Loader(WhisperLoader):
    """Convert the network without the tokenizer of a hub."""

    def get_vocabulary(self, model, tokenizer):
        return [*words(), *SPECIAL, *(f"<|{n * 0.02:.2f}|>" for n in range(SIZE - FIRST_SPECIAL - len(SPECIAL)))]

    def set_config(self, config, model, tokenizer):
        languages = range(FIRST_SPECIAL + 2, FIRST_SPECIAL + 2 + len(LANGUAGES))
        config.lang_ids, config.suppress_ids, config.suppress_ids_begin = list(languages), [], []
        config.alignment_heads = [(0, 0)]


def words() -> list[str]:
    letters = sorted(ByteLevel.alphabet())
    # By the empty one, the last, CTranslate2 knows the vocabulary of many languages.
    return [*letters, "\u0120hallo", *(f"t{number}" for number in range(FIRST_SPECIAL - len(letters) - 2)), ""]


def network() -> WhisperForConditionalGeneration:
    sizes = {f"{side}_{what}": size for side in ("encoder", "decoder") for what, size in SIDE.items()}
    config = WhisperConfig(vocab_size=SIZE, d_model=64, num_mel_bins=80, pad_token_id=FIRST_SPECIAL, **sizes)
    model = WhisperForConditionalGeneration(config)
    with torch.no_grad():
        # The last layer says the same whatever it is given.
        model.model.decoder.layer_norm.weight.zero_()
        model.model.decoder.layer_norm.bias.fill_(1.0)
        model.model.decoder.embed_tokens.weight.zero_()
        model.model.decoder.embed_tokens.weight[WORD] = 1.0
        model.model.decoder.embed_tokens.weight[GERMAN] = 0.5
    model.tie_weights()
    return model


@pytest.fixture(scope="module")
def many_languages(tmp_path_factory) -> Path:
    """Write the folder of the model, as faster-whisper reads it."""
    folder = tmp_path_factory.mktemp("model")
    loader = Loader()
    model = network()
    spec = loader.get_model_spec(model)
    loader.set_config(spec.config, model, None)
    loader.set_vocabulary(spec, loader.get_vocabulary(model, None))
    spec.validate()
    spec.optimize()
    spec.save(str(folder))
    tokenizer = Tokenizer(BPE(vocab={word: number for number, word in enumerate(words())}, merges=[]))
    tokenizer.pre_tokenizer, tokenizer.decoder = ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    tokenizer.add_special_tokens(SPECIAL)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def never() -> bool:
    return False


NOISE = np.random.default_rng(1).normal(0, 0.1, 5 * 16_000).astype(np.float32)


def noise(start: int, end: int):
    return NOISE[start:end]


ALL = Slice(((0, NOISE.size),))


def test_a_model_of_many_languages_tells_which_it_heard_and_how_sure_it_is(many_languages):
    ears = Ears.load(EarSettings(str(many_languages), precision="float32"))

    heard = ears.hear(noise, ALL, track=2, words="", abandoned=never)

    assert heard.language == "de"
    assert heard.sureness > 0.9
    assert {(segment.language, segment.track) for segment in heard.segments} == {("de", 2)}
    assert all(segment.text.startswith("hallo") and segment.doubt > 0.9 for segment in heard.segments)


def test_a_model_of_one_language_tells_none():
    heard = Ears.load(EarSettings("offline")).hear(noise, ALL, track=0, words="", abandoned=never)

    assert (heard.language, heard.sureness) == ("", 0.0)


def test_what_nobody_waits_for_is_not_heard_to_its_end(many_languages):
    ears = Ears.load(EarSettings(str(many_languages), precision="float32"))

    assert ears.hear(noise, ALL, track=0, words="", abandoned=lambda: True).segments == ()


def test_a_precision_that_the_machine_lacks_is_named_with_what_to_do(many_languages):
    with pytest.raises(SpeechModelMissing, match=r"cannot be loaded.*REFEREE_SPEECH_MODEL"):
        Ears.load(EarSettings(str(many_languages), precision="int3"))


@pytest.mark.parametrize(("known", "told"), [({"en"}, "German"), ({"en", "de"}, "")])
async def test_a_clip_in_a_language_that_nobody_can_judge_is_marked(many_languages, clip_bytes, known, told):
    ears = EarSettings(str(many_languages), precision="float32")
    transcriber = WhisperTranscriber(ears, languages=frozenset(known))

    clip = Clip("clip.ogg", clip_bytes("push_left.ogg"))
    transcript = joined([heard async for heard in transcriber.listen(clip)])
    await transcriber.close()

    assert transcript.foreign == told
    assert transcript.complete


def test_a_model_that_nobody_holds_is_gone_at_once(many_languages):
    ears = Ears.load(EarSettings(str(many_languages), precision="float32"))
    ears.hear(noise, ALL, track=0, words="", abandoned=never)
    gone = weakref.ref(ears._model)
    gc.disable()
    try:
        del ears
        assert gone() is None
    finally:
        gc.enable()
