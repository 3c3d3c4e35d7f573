from collections import Counter, defaultdict
from collections.abc import Iterable

import pytest

from classifier.errors import DataError
from classifier.training.data.rows import Row
from classifier.training.data.split import split_rows


def rows_of(counts: dict[str | None, int], *, groups: int = 0, split: str = "") -> list[Row]:
    return [
        Row(
            f"{name} number {n}",
            float(name is not None),
            name,
            "chat",
            split,
            group=f"m{n % groups}" if groups else None,
        )
        for name, count in counts.items()
        for n in range(count)
    ]


def shares(rows: Iterable[Row]) -> dict[str | None, Counter[str]]:
    found: dict[str | None, Counter[str]] = defaultdict(Counter)
    for row in rows:
        found[row.category][row.split] += 1
    return dict(found)


def divided(rows: list[Row], test: float = 0.2, tune: float = 0.0, seed: int = 1) -> list[Row]:
    return split_rows(rows, test_share=test, tune_share=tune, seed=seed)


def test_each_class_is_shared_out_on_its_own_and_tune_takes_of_what_test_leaves() -> None:
    assert shares(divided(rows_of({None: 100, "rude": 20}), test=0.2, tune=0.25)) == {
        None: {"train": 60, "tune": 20, "test": 20},
        "rude": {"train": 12, "tune": 4, "test": 4},
    }


@pytest.mark.parametrize("count", range(3, 12))
def test_a_class_of_three_rows_or_more_reaches_every_part(count: int) -> None:
    for test, tune in ((0.2, 0.1), (0.05, 0.05), (0.8, 0.8)):
        (found,) = shares(divided(rows_of({"rude": count}), test=test, tune=tune)).values()
        assert set(found) == {"train", "tune", "test"}


def test_two_rows_stay_in_training() -> None:
    assert shares(divided(rows_of({None: 50, "rare": 2}), tune=0.2))["rare"] == {"train": 2}


def test_no_part_is_cut_that_nobody_asked_for() -> None:
    assert {row.split for row in divided(rows_of({None: 30}), test=0.0, tune=0.0)} == {"train"}
    assert {row.split for row in divided(rows_of({None: 30}), test=0.2, tune=0.0)} == {"train", "test"}


def test_rows_keep_their_order_and_everything_but_the_split() -> None:
    rows = rows_of({None: 20, "rude": 5}, groups=7)

    assert [(row.text, row.category, row.group) for row in divided(rows)] == [
        (r.text, r.category, r.group) for r in rows
    ]


@pytest.mark.parametrize("groups", [0, 9])
def test_the_order_of_rows_does_not_matter_and_the_seed_does(groups: int) -> None:
    rows = rows_of({None: 60, "rude": 30}, groups=groups)
    mixed = rows[1::2][::-1] + rows[::2]

    assert {(r.text, r.split) for r in divided(rows)} == {(r.text, r.split) for r in divided(mixed)}
    assert divided(rows) == divided(rows) != divided(rows, seed=2)


def test_a_group_stays_whole_and_the_shares_are_reached_about() -> None:
    rows = rows_of({None: 300, "rude": 100}, groups=40)

    found = divided(rows, test=0.25, tune=0.2)

    parts = defaultdict(set)
    for row in found:
        parts[row.group].add(row.split)
    assert all(len(splits) == 1 for splits in parts.values())
    counts = shares(found)
    assert counts[None]["test"] == pytest.approx(75, abs=10)
    assert counts["rude"]["test"] == pytest.approx(25, abs=5)
    assert all(counts[name][part] for name in counts for part in ("train", "tune", "test"))


def test_a_class_in_two_groups_reaches_both_parts() -> None:
    rows = [*rows_of({None: 50}), *rows_of({"rude": 20}, groups=2)]

    assert set(shares(divided(rows))["rude"]) == {"train", "test"}


def test_stated_splits_are_kept_and_the_shares_are_of_the_others() -> None:
    stated = [Row(f"stated {n}", 0.0, None, "chat", split) for n in range(10) for split in ("train", "tune", "test")]

    found = divided([*stated, *rows_of({None: 40})])

    assert found[: len(stated)] == stated
    assert Counter(row.split for row in found[len(stated) :]) == {"train": 32, "test": 8}


@pytest.mark.parametrize("split", ["train", "tune", "test"])
def test_a_row_follows_its_group_and_an_equal_text_into_their_stated_split(split: str) -> None:
    stated = [Row("you NOOB", 1.0, "rude", "a", split), Row("good game", 0.0, None, "a", split, group="m1")]
    free = [Row("you n00b", 1.0, "rude", "b"), Row("what a round", 0.0, None, "b", group="m1")]

    assert [row.split for row in divided([*stated, *free, *rows_of({None: 20})])][2:4] == [split, split]


def test_the_equal_text_decides_before_the_group() -> None:
    rows = [
        Row("well played", 0.0, None, "a", "train"),
        Row("good game", 0.0, None, "a", "test", group="m1"),
        Row("Well played", 0.0, None, "b", group="m1"),
        Row("nice round", 0.0, None, "b", group="m1"),
    ]

    assert [row.split for row in divided(rows)] == ["train", "test", "train", "test"]


def test_one_text_is_never_in_two_parts_even_through_groups() -> None:
    rows = [Row(f"line {n % 40}", float(n % 2), "rude" if n % 2 else None, "a", group=f"m{n % 30}") for n in range(240)]

    parts = defaultdict(set)
    for row in divided(rows, test=0.3, tune=0.3):
        parts[row.text].add(row.split)

    assert all(len(splits) == 1 for splits in parts.values())


def test_pairs_that_belong_together_are_not_parted() -> None:
    rows = rows_of({None: 100})
    pairs = [(n, n + 50) for n in range(50)]

    found = split_rows(rows, test_share=0.3, tune_share=0.3, seed=1, together=pairs)

    assert all(found[a].split == found[b].split for a, b in pairs)
    assert len({row.split for row in found}) == 3


@pytest.mark.parametrize(("test", "tune"), [(-0.1, 0.0), (1.0, 0.0), (0.0, 1.5), (float("nan"), 0.0)])
def test_a_share_that_is_none_is_refused(test: float, tune: float) -> None:
    with pytest.raises(DataError, match="share"):
        divided([], test=test, tune=tune)


def test_no_rows_make_no_rows() -> None:
    assert divided([]) == []
