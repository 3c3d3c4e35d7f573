import io
import json
import os
import pickle
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import (
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    PretrainedConfig,
    RobertaConfig,
    RobertaForSequenceClassification,
    RobertaModel,
)

from classifier.errors import TrainingError
from classifier.feeds import padded
from classifier.training.bases.base import Base, load_base
from tests.classifier.training.tiny_bertweet import build_bertweet
from tests.classifier.training.tiny_world import build_base

LINES = ["good game you noob", "", "@bob nice shot!!", "useless " * 80]
SMALL = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_base(tmp_path_factory.mktemp("bases") / "tiny-bert")


@pytest.fixture
def broken(bert: Path, tmp_path: Path) -> Iterator[Path]:
    """Return a copy of the base that a test may break."""
    yield Path(shutil.copytree(bert, tmp_path / "broken"))


def rewritten(folder: Path, name: str, **said: Any) -> None:
    path = folder / name
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **said}), encoding="utf-8")


def saved(folder: Path, config: PretrainedConfig, tokenizer: Path) -> Path:
    """Write a random encoder of a kind, with the tokenizer of another base."""
    torch.manual_seed(5)
    AutoModel.from_config(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(tokenizer / name, folder / name)
    return folder


def pickled(folder: Path, data: bytes) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(data)


def torch_file(content: object) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def states(base: Base, windows: list[list[int]]) -> torch.Tensor:
    inputs = {name: torch.from_numpy(array) for name, array in padded(windows).items()}
    with torch.no_grad():
        found = base.encoder.eval()(**inputs).last_hidden_state
    assert isinstance(found, torch.Tensor)
    return found


def test_a_folder_gives_an_encoder_and_the_tokenizer_that_serving_reads(bert: Path, tmp_path: Path) -> None:
    base = load_base(str(bert))
    base.tokenizer.save_pretrained(tmp_path)
    served = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))

    assert (base.hidden, base.most_tokens, base.name) == (32, 64, "tiny-bert")
    assert base.tokenizer(LINES)["input_ids"] == [served.encode(line).ids for line in LINES]
    assert not [name for name, _ in base.encoder.named_parameters() if name.startswith("pooler")]


def test_each_load_gives_an_encoder_of_its_own(bert: Path) -> None:
    first, second = load_base(str(bert)).encoder, load_base(str(bert)).encoder
    with torch.no_grad():
        next(first.parameters()).zero_()

    assert bool(next(second.parameters()).any())


def test_the_tokenizer_cuts_as_serving_does_whatever_the_base_says(broken: Path) -> None:
    rewritten(broken, "tokenizer_config.json", truncation_side="left", padding_side="left", model_max_length=7)
    tokenizer = load_base(str(broken)).tokenizer
    served = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    served.enable_truncation(8)

    assert tokenizer(LINES[-1], truncation=True, max_length=8)["input_ids"] == served.encode(LINES[-1]).ids
    assert (tokenizer.padding_side, tokenizer.model_max_length) == ("right", 64)


@pytest.mark.parametrize(
    ("kind", "said", "most"),
    [
        ("bert", {}, 40),
        ("electra", {"embedding_size": 32}, 40),
        ("albert", {"embedding_size": 32}, 40),
        ("distilbert", {"dim": 32, "n_layers": 1, "n_heads": 2, "hidden_dim": 64}, 40),
        ("roberta", {"pad_token_id": 0}, 39),
        ("roberta", {"pad_token_id": 1}, 38),
        ("xlm-roberta", {"pad_token_id": 1}, 38),
        ("mpnet", {"pad_token_id": 1}, 38),
    ],
)
def test_most_tokens_is_as_far_as_the_positions_reach(
    kind: str, said: dict[str, Any], most: int, bert: Path, tmp_path: Path
) -> None:
    rows = int(AutoConfig.from_pretrained(bert).vocab_size)
    sizes = SMALL if kind != "distilbert" else {}
    config = AutoConfig.for_model(kind, vocab_size=rows, max_position_embeddings=40, **sizes, **said)
    base = load_base(str(saved(tmp_path / kind, config, bert)))

    assert base.most_tokens == most == base.tokenizer.model_max_length
    assert states(base, [[5] * most]).shape == (1, most, base.hidden) == (1, most, 32)
    with pytest.raises((IndexError, RuntimeError)):
        states(base, [[5] * (most + 1)])


def test_positions_without_end_are_bounded_all_the_same(bert: Path, tmp_path: Path) -> None:
    rows = int(AutoConfig.from_pretrained(bert).vocab_size)
    said = {"position_biased_input": False, "relative_attention": True, "max_position_embeddings": 4096}
    config = AutoConfig.for_model("deberta-v2", vocab_size=rows, **SMALL, **said)

    assert load_base(str(saved(tmp_path / "deberta", config, bert))).most_tokens == 512


def test_half_precision_weights_are_trained_in_full_precision(bert: Path, tmp_path: Path) -> None:
    shutil.copytree(bert, tmp_path / "half")
    AutoModel.from_pretrained(bert).half().save_pretrained(tmp_path / "half")

    assert {parameter.dtype for parameter in load_base(str(tmp_path / "half")).encoder.parameters()} == {torch.float32}


def test_a_bertweet_base_that_already_classifies_gives_its_encoder(tmp_path: Path) -> None:
    folder = build_bertweet(tmp_path / "tiny-bertweet")
    config = RobertaConfig.from_pretrained(folder)
    classifies = RobertaForSequenceClassification(config)
    classifies.save_pretrained(tmp_path / "out")
    for name in ("vocab.txt", "bpe.codes"):
        shutil.copyfile(folder / name, tmp_path / "out" / name)
    base = load_base(str(tmp_path / "out"))

    table = dict(base.encoder.named_parameters())["embeddings.word_embeddings.weight"]
    assert torch.equal(table[: config.vocab_size], classifies.roberta.embeddings.word_embeddings.weight)
    assert (base.hidden, base.most_tokens, base.name) == (32, 64, "out")


def test_a_bertweet_base_saved_by_training_loads_again(tmp_path: Path) -> None:
    base = load_base(str(build_bertweet(tmp_path / "tiny-bertweet")))
    base.tokenizer.save_pretrained(tmp_path / "saved")
    config = base.encoder.config
    assert isinstance(config, PretrainedConfig)
    config.save_pretrained(tmp_path / "saved")
    again = AutoTokenizer.from_pretrained(tmp_path / "saved")
    rebuilt = AutoModel.from_config(AutoConfig.from_pretrained(tmp_path / "saved"), add_pooling_layer=False)

    assert again(LINES)["input_ids"] == base.tokenizer(LINES)["input_ids"]
    assert again.model_max_length == 64
    rebuilt.load_state_dict(base.encoder.state_dict())


@pytest.mark.parametrize("bertweet", [False, True])
def test_padding_with_zeros_changes_no_state_of_a_roberta(bertweet: bool, bert: Path, tmp_path: Path) -> None:
    # RoBERTa counts positions from the ids that are not its own padding (1), and serving pads with 0.
    rows = int(AutoConfig.from_pretrained(bert).vocab_size)
    config = RobertaConfig(vocab_size=rows, max_position_embeddings=66, pad_token_id=1, **SMALL)
    folder = build_bertweet(tmp_path / "x") if bertweet else saved(tmp_path / "x", config, bert)
    base = load_base(str(folder))
    windows = [base.tokenizer(line, truncation=True, max_length=64)["input_ids"] for line in LINES]
    together = states(base, windows)

    assert together.shape[1] == 64 > len(windows[0])
    for window, batched in zip(windows, together, strict=True):
        assert torch.allclose(batched[: len(window)], states(base, [window])[0], atol=1e-5)


def without(*names: str) -> Callable[[Path], None]:
    def breaks(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()

    return breaks


def with_text(name: str, text: str) -> Callable[[Path], None]:
    def breaks(folder: Path) -> None:
        (folder / name).write_text(text, encoding="utf-8")

    return breaks


def config(**said: Any) -> Callable[[Path], None]:
    return lambda folder: rewritten(folder, "config.json", **said)


def weights(data: bytes, *, pickle_file: bool = False) -> Callable[[Path], None]:
    def breaks(folder: Path) -> None:
        if pickle_file:
            pickled(folder, data)
        else:
            (folder / "model.safetensors").write_bytes(data)

    return breaks


def no_numbers(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    tensors["embeddings.LayerNorm.weight"][:] = float("nan")
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def of_phobert(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    rewritten(folder, "tokenizer_config.json", tokenizer_class="PhobertTokenizer")
    (folder / "vocab.txt").write_text("a 1\nb 1\nc 1\nd 1\n", encoding="utf-8")
    (folder / "bpe.codes").write_text("a b 1\n", encoding="utf-8")


def of_many_words(folder: Path) -> None:
    said = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    said["model"]["vocab"]["pentakill"] = 999
    (folder / "tokenizer.json").write_text(json.dumps(said), encoding="utf-8")


WRONG: dict[str, tuple[Callable[[Path], None], str]] = {
    "no config": (without("config.json"), r"has no config\.json; name a folder that transformers saved"),
    "a config cut off": (with_text("config.json", "{"), r"config\.json cannot be read.*again"),
    "a config of a list": (with_text("config.json", "[]"), "names no `model_type`"),
    "images": (config(model_type="vit"), r"a model of images \(vit\).*take an encoder such as BERT or RoBERTa"),
    "speech": (config(model_type="wav2vec2"), r"a model of speech \(wav2vec2\).*take an encoder"),
    "encoder and decoder": (config(model_type="t5"), r"an encoder and a decoder \(t5\).*take an encoder"),
    "bart": (config(model_type="bart"), r"an encoder and a decoder \(bart\).*take an encoder"),
    "decoder": (config(model_type="gpt2"), r"a decoder, which writes text \(gpt2\).*take an encoder"),
    "bert that writes": (config(is_decoder=True), "set up to write text.*take an encoder"),
    "a kind unknown here": (config(model_type="nextbert"), "of the kind nextbert, which needs a newer transformers"),
    "a size in words": (config(hidden_size="big"), r"the config\.json of the base .* makes no sense.*again"),
    "no weights": (without("model.safetensors"), r"no weights for torch \(model\.safetensors or pytorch_model\.bin\)"),
    "weights cut off": (weights(b"\x40\0\0\0\0\0\0\0{"), "weights of the base .* cannot be read.*get the base again"),
    "weights of no bytes": (weights(b""), "weights of the base .* cannot be read.*get the base again"),
    "a pointer": (
        weights(b"version https://git-lfs.github.com/spec/v1\n"),
        "only points to the weights; .*git lfs pull",
    ),
    "a pickle of no bytes": (weights(b"", pickle_file=True), "a file is damaged, or holds more.*get the base again"),
    "a pickle of words": (weights(b"hello " * 99, pickle_file=True), "a file is damaged, or holds more"),
    "others' weights": (
        weights(torch_file({"a": torch.ones(2)}), pickle_file=True),
        "21 of 21 are missing or of anoth",
    ),
    "a layer too many": (config(num_hidden_layers=2), r"16 of 37 are missing.*such as encoder\.layer\.1"),
    "another size": (config(hidden_size=64), "20 of 21 are missing or of another size"),
    "weights of no numbers": (no_numbers, "hold what is no number; get the base again"),
    "no vocabulary": (without("tokenizer.json", "tokenizer_config.json"), "has no vocabulary.*add its tokenizer files"),
    "a vocabulary cut off": (
        with_text("tokenizer.json", "{"),
        "the tokenizer .* cannot be read",
    ),
    "a vocabulary too large": (
        of_many_words,
        r"knows 1000 tokens, its encoder only \d+; the two are not from the same",
    ),
    "no padding": (lambda f: rewritten(f, "tokenizer_config.json", pad_token=None), "has no token to pad with"),
    "a slow tokenizer": (of_phobert, r"is slow \(PhobertTokenizer\), and serving reads fast ones only.*take another"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_base_that_cannot_be_trained_on_says_why_and_what_to_do(what: str, broken: Path) -> None:
    breaks, says = WRONG[what]
    breaks(broken)

    with pytest.raises(TrainingError, match=says) as caught:
        load_base(str(broken))
    assert "\n" not in str(caught.value)
    assert "ignore_mismatched_sizes" not in str(caught.value)


class Trap:
    def __init__(self, sprung: Path) -> None:
        self.sprung = sprung

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.sprung),)


@pytest.mark.parametrize("write", [lambda trap: pickle.dumps(trap, protocol=2), lambda trap: torch_file({"a": trap})])
def test_code_in_pickled_weights_is_not_run(write: Callable[[Trap], bytes], broken: Path, tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    pickled(broken, write(Trap(sprung)))

    with pytest.raises(TrainingError, match="holds more than it should") as caught:
        load_base(str(broken))
    assert not sprung.exists()
    assert "weights_only" not in str(caught.value)


@pytest.mark.parametrize("kind", ["bert", "ownkind"])
def test_code_that_a_base_brings_along_is_not_run(kind: str, broken: Path, tmp_path: Path) -> None:
    code = f"import os\nos.mkdir({str(tmp_path / 'sprung')!r})\n"
    (broken / "own.py").write_text(code, encoding="utf-8")
    own = {"AutoConfig": "own.Config", "AutoModel": "own.Model"}
    rewritten(broken, "config.json", model_type=kind, auto_map=own)
    rewritten(broken, "tokenizer_config.json", auto_map={"AutoTokenizer": ["own.Slow", "own.Fast"]})

    if kind == "bert":
        assert load_base(str(broken)).hidden == 32
    else:
        with pytest.raises(TrainingError, match="its own code, which is not run here"):
            load_base(str(broken))
    assert not (tmp_path / "sprung").exists()


def test_a_roberta_without_a_pooler_in_its_file_loads(bert: Path, tmp_path: Path) -> None:
    rows = int(AutoConfig.from_pretrained(bert).vocab_size)
    folder = saved(tmp_path / "x", RobertaConfig(vocab_size=rows, pad_token_id=0, **SMALL), bert)
    RobertaModel.from_pretrained(folder, add_pooling_layer=False).save_pretrained(folder)

    assert load_base(str(folder)).hidden == 32


@pytest.mark.parametrize("name", ["", "  ", "./nowhere", "/nowhere/at/all", "~nobody/base", "a/b/c", "bases\\tiny"])
def test_a_folder_that_is_not_there_is_not_looked_for_on_the_hub(name: str) -> None:
    with pytest.raises(TrainingError, match="there is no folder"):
        load_base(name)


def test_a_file_is_no_base(bert: Path) -> None:
    with pytest.raises(TrainingError, match="is a file; name the folder"):
        load_base(str(bert / "config.json"))
