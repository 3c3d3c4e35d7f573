import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray

from classifier import load
from classifier.errors import ModelError
from classifier.model import SHIPPED
from classifier.network import MOST_TOKENS, Network

CATEGORIES = 8
GRAPH = SHIPPED / "model.onnx"
Passes = list[list[Sequence[int]]]


@pytest.fixture(scope="module")
def network() -> Network:
    return Network(GRAPH)


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> Passes:
    """Collect the windows of each pass, which then runs."""
    seen: Passes = []
    run = Network._pass

    def watched(
        self: Network, windows: Sequence[Sequence[int]], shapes: tuple[tuple[int, ...], ...]
    ) -> list[NDArray[np.float64]]:
        seen.append(list(windows))
        return run(self, windows, shapes)

    monkeypatch.setattr(Network, "_pass", watched)
    return seen


def windows(*lengths: int) -> list[list[int]]:
    draw = np.random.default_rng(sum(lengths))
    return [[101, *draw.integers(1000, 30000, max(0, length - 2)).tolist(), 102][:length] for length in lengths]


def toxic(network: Network, texts: list[list[int]]) -> NDArray[np.float64]:
    return network.run(texts, (), (CATEGORIES,))[0]


def test_the_shipped_graph_takes_windows_without_padding(network: Network) -> None:
    assert network.packs


def test_a_window_gets_the_same_outputs_alone_and_in_any_company(network: Network) -> None:
    texts = windows(3, 64, 5, 12, 7, 64, 30, 4)

    together = network.run(texts, (), (CATEGORIES,))

    for i, text in enumerate(texts):
        alone = network.run([text], (), (CATEGORIES,))
        for mine, whole in zip(alone, together, strict=True):
            np.testing.assert_allclose(mine[0], whole[i], atol=1e-4)


def test_outputs_come_in_the_order_of_the_windows(network: Network) -> None:
    texts = windows(*range(64, 2, -1))

    np.testing.assert_allclose(toxic(network, texts), toxic(network, texts[::-1])[::-1], atol=1e-4)


def test_a_pass_holds_as_many_tokens_as_allowed_and_no_padding(network: Network, passes: Passes) -> None:
    toxic(network, windows(*[5, 9, 30] * 40))

    sizes = [sum(map(len, each)) for each in passes]
    assert max(sizes) <= MOST_TOKENS
    assert len(sizes) <= -(-sum(sizes) // (MOST_TOKENS - 30))


def test_a_graph_with_padding_gets_passes_no_larger_with_it(passes: Passes) -> None:
    network = Network(GRAPH)
    network.packs = False
    # Only the portions are looked at: this graph has no inputs for padded windows.
    texts = windows(*[5, 9, 30, 64] * 20)
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))

    portions = list(network._portions(order, texts))

    assert sorted(i for portion in portions for i in portion) == list(range(len(texts)))
    assert all(len(portion) * max(len(texts[i]) for i in portion) <= MOST_TOKENS for portion in portions)


def test_one_window_longer_than_a_pass_may_be_is_read_all_the_same(network: Network) -> None:
    assert list(network._portions([0], [[1] * (MOST_TOKENS + 1)])) == [[0]]


def test_a_window_without_tokens_spoils_no_other(network: Network) -> None:
    (text,) = windows(9)

    alone, together = toxic(network, [[]]), toxic(network, [text, []])

    np.testing.assert_allclose(together, [toxic(network, [text])[0], alone[0]], atol=1e-4)


def test_passes_run_side_by_side_on_the_threads_of_the_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    both = threading.Barrier(2, timeout=30)
    run = Network._pass

    def meeting(
        self: Network, texts: Sequence[Sequence[int]], shapes: tuple[tuple[int, ...], ...]
    ) -> list[NDArray[np.float64]]:
        both.wait()
        return run(self, texts, shapes)

    with ThreadPoolExecutor(2) as pool:
        network = Network(GRAPH, pool)
        monkeypatch.setattr(Network, "_pass", meeting)
        # Each pass waits until there is another: one after the other they would never end.
        found = toxic(network, windows(*[64] * 8))

    monkeypatch.undo()
    np.testing.assert_allclose(found, toxic(Network(GRAPH), windows(*[64] * 8)), atol=1e-4)


def test_several_threads_may_score_at_once_and_get_what_one_gets() -> None:
    classifier = load(threads=2)
    texts = [f"you {word} player number {i}" for i, word in enumerate(["idiot", "good", "silly", "nice"] * 25)]
    alone = classifier.score(texts)

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda _: classifier.score(texts), range(12)))

    for verdicts in found:
        assert [v.toxic for v in verdicts] == pytest.approx([v.toxic for v in alone], abs=1e-5)


def test_nobody_waits_behind_what_others_left_for_the_pool() -> None:
    texts = windows(*[64] * 8)
    gate = threading.Event()
    with ThreadPoolExecutor(1) as busy, ThreadPoolExecutor(1) as caller:
        busy.submit(gate.wait)
        try:
            found = caller.submit(toxic, Network(GRAPH, busy), texts).result(timeout=30)
        finally:
            gate.set()

    np.testing.assert_allclose(found, toxic(Network(GRAPH), texts), atol=1e-4)


def test_a_pool_that_has_ended_leaves_all_passes_to_the_caller() -> None:
    texts = windows(*[64] * 8)
    ended = ThreadPoolExecutor(2)
    ended.shutdown()

    np.testing.assert_allclose(toxic(Network(GRAPH, ended), texts), toxic(Network(GRAPH), texts), atol=1e-4)


@pytest.mark.parametrize("bad", [0, 3])
def test_a_pass_that_fails_fails_the_run_and_leaves_none_running(bad: int, monkeypatch: pytest.MonkeyPatch) -> None:
    run, begun, ended = Network._pass, [], []

    def failing(
        self: Network, texts: Sequence[Sequence[int]], shapes: tuple[tuple[int, ...], ...]
    ) -> list[NDArray[np.float64]]:
        begun.append(len(texts))
        try:
            if any(text[0] == -1 for text in texts):
                raise ModelError("this one")
            return run(self, texts, shapes)
        finally:
            ended.append(len(texts))

    monkeypatch.setattr(Network, "_pass", failing)
    texts = windows(*[64] * 16)
    texts[4 * bad][0] = -1

    with ThreadPoolExecutor(2) as pool, pytest.raises(ModelError, match="this one"):
        try:
            toxic(Network(GRAPH, pool), texts)
        finally:
            left = len(begun) - len(ended)
    assert left == 0
