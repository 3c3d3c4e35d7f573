import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from itertools import pairwise

import matplotlib as mpl
import pytest

from classifier.training.comparison.charts import calibration, learning, precision_recall
from classifier.training.comparison.drawing import look
from tests.classifier.training.comparison.village import learned, village


def words(picture) -> list[str]:
    tree = ElementTree.fromstring(picture.svg)  # noqa: S314  our own picture
    return [part.text for part in tree.iter("{http://www.w3.org/2000/svg}text")]


def drawn():
    given = village(learning=learned())
    return (
        precision_recall(given),
        calibration(0, given, given.outcomes[0]),
        learning("f1", "F1", {"model 0": 0}, given.learning),
    )


def test_pictures_take_their_inks_from_the_page_and_share_no_ids() -> None:
    ids = []
    for picture in drawn():
        assert "currentColor" in picture.svg and "var(--line)" in picture.svg
        assert not any(black in picture.svg for black in ("#000000", "#010203", "#040506", "#070809"))
        assert "<style" not in picture.svg and "<metadata" not in picture.svg and "<script" not in picture.svg
        ids += [e.get("id") for e in ElementTree.fromstring(picture.svg).iter() if e.get("id")]  # noqa: S314

    assert len(ids) == len(set(ids))


def test_drawing_leaves_the_settings_of_matplotlib_alone() -> None:
    before = dict(mpl.rcParams)

    drawn()

    assert dict(mpl.rcParams) == before


def test_pictures_are_the_same_in_every_run_whatever_the_user_has_set() -> None:
    usual = drawn()

    with mpl.rc_context({"lines.linewidth": 9, "xtick.labelsize": 30, "svg.fonttype": "path"}):
        assert drawn() == usual


def test_the_curves_say_what_flagging_everything_would_reach() -> None:
    given = village()

    assert f"flagging everything: {given.toxic.mean():.2f}" in words(precision_recall(given))


@pytest.mark.parametrize("kept", [True, False])
def test_rows_of_one_kind_have_no_precision_recall_curve(kept: bool) -> None:
    given = village()
    rows = tuple(replace(row, toxic=kept, truth=-1) for row in given.rows)

    assert precision_recall(replace(given, rows=rows)) is None


def test_calibration_counts_the_messages_of_each_bin() -> None:
    given = village(100)
    said = replace(given.outcomes[0], toxic=given.outcomes[0].toxic * 0 + 0.65)

    picture = calibration(0, given, said)

    assert "100" in words(picture)
    assert f"0.65 said, {given.toxic.mean():.2f} true" in picture.alt


def test_nothing_scored_has_no_calibration() -> None:
    given = village(10)
    said = replace(given.outcomes[0], toxic=given.outcomes[0].toxic * float("nan"))

    assert calibration(0, given, said) is None


@pytest.mark.parametrize(
    ("counts", "labels"),
    [
        ((25, 50, 100, 250, 500, 1840), ["25", "50", "100", "250", "500", "all", "1,840"]),
        ((25, 50, 100), ["25", "50", "100"]),
        ((25, 50, 100, 110), ["25", "50", "all", "110"]),
        ((80,), ["all", "80"]),
    ],
)
def test_the_learning_curve_names_the_steps_and_all_rows(counts: tuple[int, ...], labels: list[str]) -> None:
    picture = learning("macro_f1", "macro-F1", {"model 0": 0}, learned(counts=counts))

    found = [word for word in words(picture) if word == "all" or word.replace(",", "").isdigit()]
    assert found == labels


def test_a_measure_without_points_has_no_learning_curve() -> None:
    points = [replace(point, auc=float("nan")) for point in learned()]

    assert learning("auc", "AUC", {"model 0": 0}, points) is None
    assert learning("f1", "F1", {"model 0": 0}, points[:1]) is not None


def test_neighbouring_settings_differ_in_more_than_colour() -> None:
    looks = [look(place) for place in range(30)]

    assert len({(each.colour, each.dashes, each.marker) for each in looks}) == 30
    assert all(a.colour != b.colour and a.dashes != b.dashes and a.marker != b.marker for a, b in pairwise(looks))
