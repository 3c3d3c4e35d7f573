import json
from pathlib import Path

import onnx
import psutil
import pytest
import torch
from typer.testing import CliRunner

import benchmarks.throughput.__main__ as command
from benchmarks.throughput.contenders import Contender, Entry, entries, portions
from benchmarks.throughput.limit import Layers, per_second
from benchmarks.throughput.others import Shape, export, onnx_logits, roberta
from benchmarks.throughput.own import batcher
from benchmarks.throughput.report import gains
from benchmarks.throughput.rounds import Figures, Row, ratio, sample
from benchmarks.throughput.tokens import shipped_layers, tokenizer, tokens_a_line, windows
from classifier import Classifier, load
from classifier.feeds import packed
from classifier.model import SHIPPED
from classifier.normalize import normalize

TINY = ("--count", "24", "--seconds", "0.01", "--threads", "1")
SMALL = Shape(vocab_size=30522, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32)


def run(*arguments: str):
    return CliRunner().invoke(command.app, arguments)


def among(*contenders: Contender) -> list[str]:
    return [each for contender in contenders for each in ("--contender", contender)]


def row(contender: Contender, *rounds: tuple[int, float], threads: int = 1) -> Row:
    return Row(Entry(contender, threads), [lines for lines, _ in rounds], [seconds for _, seconds in rounds])


def children() -> set[int]:
    return {each.pid for each in psutil.Process().children(recursive=True)}


def test_contenders_are_measured_side_by_side_and_the_limit_is_told():
    before = children()
    kinds = (Contender.CLASSIFIER, Contender.BATCHER, Contender.CACHE, Contender.PIPELINE)

    ran = run(*TINY, *among(*kinds), "--rounds", "2", "--profile", "--json")

    assert ran.exit_code == 0, ran.output
    found = json.loads(ran.stdout)
    rows = [(each["contender"], each["batch"]) for each in found["rows"]]
    assert rows == [
        *(("classifier", batch) for batch in ("1", "8", "32", "128", "all")),
        *((kind, "as they come") for kind in ("batcher", "cache")),
        *(("pipeline", batch) for batch in ("default", "32")),
    ]
    assert all(each["messages_per_s"] > 0 and each["memory_mb"] > 20 for each in found["rows"])
    assert [each["lines"] for each in found["rows"][:7]] == [24] * 7
    pipeline = next(each for each in found["rows"] if each["contender"] == "pipeline")
    assert (pipeline["times_pipeline"], pipeline["times_bertweet_pipeline"]) == (1.0, None)
    assert pipeline["memory_mb"] > found["rows"][0]["memory_mb"]
    assert list(found["cache_gain"]) == ["1"]
    (limit,) = found["limits"]
    assert limit["messages"] == pytest.approx(limit["model"] * 1e9 / 10_616_832 / found["lines"]["tokens"], rel=0.01)
    assert limit["share"] > 0 < limit["copied"]
    profile = found["profile"]
    assert profile["tokens"] == pytest.approx(found["lines"]["tokens"] * 24)
    assert profile["kernels"]["MatMulIntegerToFloat"] == 24 * profile["passes"]
    assert sum(profile["stages"].values()) >= profile["whole"] * 0.99
    assert children() == before


def test_tables_and_notes_are_printed_for_people():
    ran = run(*TINY, *among(Contender.CLASSIFIER), "--rounds", "1", "--profile")

    assert ran.exit_code == 0, ran.output
    assert ran.stdout.startswith("Throughput")
    assert all(told in ran.stdout for told in ("classifier, no cache", "Limit: a line has", "where the time goes"))
    assert "round 1 of 1" in ran.stderr
    assert "round 1 of 1" not in ran.stdout


def test_a_library_that_is_not_installed_and_one_that_fails_cost_no_more_than_their_rows(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    missing = "raise ModuleNotFoundError('there is none', name='better_profanity')\n"
    (tmp_path / "better_profanity.py").write_text(missing, encoding="utf-8")
    (tmp_path / "profanity_check.py").write_text("raise OSError('its model is gone')\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    kinds = among(Contender.CACHE, Contender.BETTER_PROFANITY, Contender.ALT_PROFANITY)

    ran = run(*TINY, *kinds, "--rounds", "1", "--json")

    assert ran.exit_code == 0, ran.output
    cache, better, alt = json.loads(ran.stdout)["rows"]
    assert cache["fault"] is None
    assert cache["messages_per_s"] > 0
    assert better["fault"] == "not installed: pip install '.[benchmark]'"
    assert alt["fault"] == "failed: OSError: its model is gone"
    assert better["messages_per_s"] is alt["messages_per_s"] is None


def test_what_was_measured_is_shown_when_it_is_interrupted(monkeypatch: pytest.MonkeyPatch):
    before = children()

    def stop(text: str) -> None:
        if text == "round 2 of 3":
            raise KeyboardInterrupt

    monkeypatch.setattr(command, "_progress", stop)

    ran = run(*TINY, *among(Contender.CACHE), "--rounds", "3", "--json")

    assert ran.exit_code == 130
    told = json.loads(ran.stdout)
    (found,) = told["rows"]
    assert told["rounds"] == 1
    assert len(found["messages_per_s_of_rounds"]) == 1
    assert children() == before


def test_lines_that_cannot_be_read_end_it_with_one_line(tmp_path: Path):
    ran = run("--lines", str(tmp_path / "gone.jsonl"))

    assert ran.exit_code == 2
    assert len(ran.stderr.splitlines()) == 1
    assert "gone.jsonl" in ran.stderr


def test_a_row_is_compared_with_another_within_each_round():
    # The machine was ten times slower in the second round, for both.
    ours = row(Contender.CLASSIFIER, (100, 1.0), (100, 10.0), (100, 1.0))
    theirs = row(Contender.PIPELINE, (10, 1.0), (10, 10.0), (10, 2.0))

    assert ours.rate == 100
    assert ratio(ours, theirs) == 10
    assert ratio(ours, None) is ratio(ours, row(Contender.PIPELINE)) is None


def test_the_gain_of_the_cache_is_told_for_each_number_of_threads():
    def spans(n: int):
        return (Contender.BATCHER, 3.0), (Contender.CACHE, 1.5 / n)

    rows = [row(kind, (10, took), threads=n) for n in (1, 2) for kind, took in spans(n)]

    assert gains(Figures(rows)) == {1: pytest.approx(2.0), 2: pytest.approx(4.0)}
    assert gains(Figures([row(Contender.CACHE, (10, 1.0))])) == {}


def test_slow_contenders_get_lines_from_all_over():
    assert sample([str(n) for n in range(10)], 3) == ["0", "3", "6"]
    assert sample(["a", "b"], 5) == ["a", "b"]


def test_lists_of_words_have_one_row_and_the_classifier_one_for_each_batch_and_thread():
    assert entries([Contender.BETTER_PROFANITY], [2, 1]) == [Entry(Contender.BETTER_PROFANITY, 1)]
    found = entries([Contender.CLASSIFIER], [2, 1])
    assert [(each.threads, each.batch) for each in found] == [(n, b) for n in (1, 2) for b in (1, 8, 32, 128, None)]


def test_texts_come_in_portions_or_all_at_once():
    assert list(portions("abcde", 2)) == ["ab", "cd", "e"]
    assert list(portions("abcde", None)) == ["abcde"]


def test_only_the_batcher_with_a_cache_remembers(monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []
    real = Classifier.score

    def score(self, texts):
        asked.extend(texts)
        return real(self, texts)

    monkeypatch.setattr(Classifier, "score", score)
    with batcher(Contender.CACHE, 1) as with_cache, batcher(Contender.BATCHER, 1) as without:
        for each in (with_cache, with_cache, without, without):
            each(["gg", "go mid"], None)

    assert sorted(asked) == ["gg"] * 3 + ["go mid"] * 3


def test_the_multiply_adds_of_a_token_are_those_of_the_shipped_graph():
    graph = onnx.load(SHIPPED / "model.onnx").graph
    sizes = {each.name: each.dims[0] * each.dims[1] for each in graph.initializer if len(each.dims) == 2}
    products = [node for node in graph.node if node.op_type == "MatMulIntegerToFloat"]

    assert shipped_layers() == Layers(6, 384, 1536)
    assert shipped_layers().weights == sum(sizes[node.input[1]] for node in products) == 10_616_832


def test_tokens_are_counted_as_the_classifier_reads_them(monkeypatch: pytest.MonkeyPatch):
    lines = ["go " * 100, "gg", "</s> N00B"]
    read: list[int] = []

    def spy(found):
        read.extend(map(len, found))
        return packed(found)

    monkeypatch.setattr("classifier.network.packed", spy)
    load(threads=1).score(lines)

    assert sorted(read) == sorted(map(len, windows(tokenizer(), [normalize(line).text for line in lines])))
    assert tokens_a_line(lines) == pytest.approx(sum(read) / 3)
    assert max(read) == 64


def test_threads_that_work_at_once_add_up():
    done: list[int] = []

    assert per_second([lambda: done.append(1), lambda: done.append(2)], 0.0) > 0
    assert sorted(done) == [1, 1, 2, 2]


def test_the_exported_model_gives_the_numbers_of_the_one_in_pytorch_whatever_it_is_padded_to(tmp_path: Path):
    logits = onnx_logits(1, export(tmp_path, SMALL))
    ids = torch.tensor([tokenizer().encode("push mid").ids])

    with torch.no_grad():
        wanted = roberta(SMALL).train(mode=False)(input_ids=ids).logits[0].tolist()

    assert logits(["push mid"])[0].tolist() == pytest.approx(wanted, abs=1e-5)
    assert logits(["push mid", "push mid now or we lose it"])[0].tolist() == pytest.approx(wanted, abs=1e-5)
