import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from classifier import load
from classifier.calibrate import Calibration
from classifier.errors import DataError, ModelDamaged, ThresholdError, TrainingError
from classifier.manifest import MANIFEST, Manifest, Stages, read_manifest
from classifier.model import SHIPPED
from classifier.training.calibration.recalibrate import recalibrate
from classifier.training.calibration.reliability import cross_fitted, fit_calibration, quality, truths_of
from classifier.training.calibration.rewrite import BACKUP, CARD, require_own, write_copy, write_in_place
from classifier.training.data.rows import Row
from tests.classifier.tiny_model import LABELS, TinyModel, build_model
from tests.classifier.training.graded_model import TRUE, Drawn, build_graded

EVERY_KIND = pytest.mark.parametrize("stages", Stages)
LINES = ("", "w40", "w3 good game", "w20 " + "well " * 40 + "w30", "🎉", "w25, w12!")


@pytest.fixture(scope="session")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_graded(tmp_path_factory.mktemp("graded") / "model")


def rewritten(folder: Path, manifest: Manifest) -> Path:
    (folder / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
    return folder


@EVERY_KIND
def test_probabilities_that_were_too_sure_come_true_after_calibration(tmp_path: Path, stages: Stages) -> None:
    model = build_graded(tmp_path / "model", stages)

    found = recalibrate(model, Drawn().rows(3000, stages=stages))

    assert found.before.calibration_error > 0.08
    assert found.after.calibration_error < 0.04
    assert found.after.log_loss < found.before.log_loss - 0.05
    assert found.before.category_log_loss is not None
    assert found.after.category_log_loss is not None
    assert found.after.category_log_loss < found.before.category_log_loss
    assert found.manifest.calibration.scale == pytest.approx(TRUE.scale, rel=0.15)
    if stages is not Stages.ONE:
        assert found.manifest.calibration.bias == pytest.approx(TRUE.bias, abs=0.2)
        assert found.manifest.calibration.category_temperature == pytest.approx(2.0, rel=0.2)


@EVERY_KIND
def test_calibrating_a_calibrated_model_again_changes_little(tmp_path: Path, stages: Stages) -> None:
    rows = Drawn().rows(3000, stages=stages)
    once = recalibrate(build_graded(tmp_path / "model", stages), rows).manifest
    rewritten(tmp_path / "model", once)

    again = recalibrate(tmp_path / "model", Drawn().rows(3000, seed=2, stages=stages)).manifest

    assert again.calibration.scale == pytest.approx(once.calibration.scale, rel=0.15)
    assert again.calibration.bias == pytest.approx(once.calibration.bias, abs=0.2)
    assert again.calibration.category_temperature == pytest.approx(once.calibration.category_temperature, rel=0.2)


@EVERY_KIND
def test_what_is_measured_is_what_the_copy_then_says(tmp_path: Path, stages: Stages) -> None:
    model = build_graded(tmp_path / "model", stages)
    logits = load(model, threads=1).logits(LINES)
    found = recalibrate(model, Drawn().rows(600, stages=stages))
    write_copy(model, tmp_path / "copy", found)

    read = logits.read(found.manifest.calibration)
    verdicts = load(tmp_path / "copy", threads=1).score(LINES)

    assert [verdict.toxic for verdict in verdicts] == read.toxic.tolist()
    assert [list(verdict.categories.values()) for verdict in verdicts] == read.categories.tolist()


@EVERY_KIND
def test_logits_under_the_model_s_own_calibration_are_its_verdicts(tmp_path: Path, stages: Stages) -> None:
    classifier = load(build_graded(tmp_path / "model", stages, Calibration(0.7, 0.4, 1.5)), threads=1)

    read = classifier.logits(LINES).read(classifier.manifest.calibration)

    verdicts = classifier.score(LINES)
    assert [verdict.toxic for verdict in verdicts] == read.toxic.tolist()
    assert [list(verdict.categories.values()) for verdict in verdicts] == read.categories.tolist()
    assert classifier.logits([]).read(classifier.manifest.calibration).categories.shape == (0, 3)


@EVERY_KIND
@pytest.mark.parametrize("count", [2, 16])
def test_few_rows_of_any_luck_leave_the_calibration_near_where_it_was(
    tmp_path: Path, stages: Stages, count: int
) -> None:
    model = build_graded(tmp_path / "model", stages)
    separated = [Row(f"w{40 if i % 2 else 0} game", float(i % 2), None, "village", "tune") for i in range(count)]

    calibration = recalibrate(model, separated).manifest.calibration

    assert 0.5 < calibration.scale < 4.0
    assert abs(calibration.bias) < 1.0
    assert calibration.category_temperature == 1.0


def test_rows_of_no_known_category_fit_toxicity_and_leave_the_categories(graded: Path) -> None:
    found = recalibrate(graded, Drawn(named=False).rows(1500))

    assert found.manifest.calibration.scale == pytest.approx(TRUE.scale, rel=0.2)
    assert found.manifest.calibration.category_temperature == 1.0
    assert found.before.category_log_loss is None


def test_weak_rows_count_less(graded: Path) -> None:
    doubted = [replace(row, weight=0.01 if row.toxic else 1.0) for row in Drawn().rows(400)]

    assert recalibrate(graded, doubted).manifest.calibration.bias < TRUE.bias - 2.0


def test_the_figures_after_are_not_those_of_the_rows_that_were_fitted(graded: Path) -> None:
    classifier = load(graded, threads=1)
    rows = Drawn().rows(60, seed=3)
    truths = truths_of(rows, classifier.labels.names)
    logits = classifier.logits(truths.texts)
    present = classifier.manifest.calibration

    fitted = quality(logits.read(fit_calibration(logits, truths, present)), truths)

    assert recalibrate(graded, rows).after == quality(cross_fitted(logits, truths, present), truths)
    assert recalibrate(graded, rows).after.log_loss > fitted.log_loss


def test_a_text_said_a_hundred_times_is_never_judged_by_a_fit_that_saw_it(graded: Path) -> None:
    rows = Drawn().rows(60, seed=3)
    odd = Row("w40 good game", 0.0, None, "village", "tune")

    def loss(count: int) -> float:
        truths = truths_of([*rows, *[odd] * count], LABELS.names)
        logits = load(graded, threads=1).logits(truths.texts)
        read = cross_fitted(logits, truths, Calibration())
        return float(-np.log(1 - read.toxic[-1]))

    assert loss(200) == pytest.approx(loss(1), rel=1e-6)


def test_thresholds_keep_their_budget_on_fresh_rows(graded: Path) -> None:
    classifier = load(graded, threads=1)
    fresh = classifier.logits([row.text for row in Drawn().rows(8000, seed=99) if not row.toxic])
    broken = []
    for seed in range(6):
        manifest = recalibrate(graded, Drawn().rows(800, seed=seed)).manifest
        read = fresh.read(manifest.calibration)
        scores = {"toxic": read.toxic, **dict(zip(LABELS.names, read.categories.T, strict=True))}
        assert set(manifest.curves) == set(scores)
        points = [(name, *point) for name, curve in manifest.curves.items() for point in curve.points]
        broken += [(scores[name] >= threshold).mean() > rate for name, rate, threshold in points]

    assert len(broken) > 100
    assert np.mean(broken) < 0.05


def test_a_budget_of_its_own_is_measured_besides_the_usual_ones(graded: Path) -> None:
    found = recalibrate(graded, Drawn().rows(600), budget=1 / 30)

    for curve in found.manifest.curves.values():
        assert 1 / 30 in dict(curve.points)
        assert 0.05 in dict(curve.points)


def test_as_measured_gives_lower_thresholds_than_with_confidence(graded: Path) -> None:
    rows = Drawn().rows(600)

    sure, measured = (recalibrate(graded, rows, confidence=c).manifest.curves["toxic"] for c in (0.99, None))

    assert measured.threshold(0.05) < sure.threshold(0.05)


def clean_and_toxic(clean: int) -> list[Row]:
    rows = [Row(f"w{i % 20} game", 0.0, None, "village", "tune") for i in range(clean)]
    return [*rows, *(Row("w40 game", 1.0, "insult", "village", "tune") for _ in range(5))]


def test_a_budget_that_the_rows_cannot_show_names_how_many_it_takes(graded: Path) -> None:
    with pytest.raises(
        ThresholdError,
        match=r"58 clean rows cannot show that at most 1 in 20 is flagged with 95% confidence: that takes 59; "
        r"give more of them, or ask for 1 in 19",
    ):
        recalibrate(graded, clean_and_toxic(58), budget=1 / 20)
    assert recalibrate(graded, clean_and_toxic(59), budget=1 / 20).manifest.curves["toxic"].threshold(1 / 20)
    assert recalibrate(graded, clean_and_toxic(58), budget=1 / 19).manifest.curves["toxic"].threshold(1 / 19)


def test_as_measured_needs_two_clean_rows_that_may_exceed(graded: Path) -> None:
    with pytest.raises(ThresholdError, match=r"1 in 20 is flagged: that takes 40; .* ask for 1 in 19$"):
        recalibrate(graded, clean_and_toxic(39), budget=1 / 20, confidence=None)


def test_a_handful_of_clean_rows_names_no_other_budget(graded: Path) -> None:
    with pytest.raises(ThresholdError, match=r"takes 2,995; give more of them$"):
        recalibrate(graded, clean_and_toxic(3), budget=1 / 1000)


def test_a_budget_that_sure_clean_rows_break_names_the_category(tmp_path: Path) -> None:
    model = build_graded(tmp_path / "model", calibration=Calibration(scale=40.0))
    surely_wrong = [Row("w40 game", 0.0, None, "village", "tune", weight=1e-9)] * 12
    rows = [
        *surely_wrong,
        *(Row(f"w{19 + 2 * (i % 2)} game", float(i % 2), None, "village", "tune") for i in range(90)),
    ]

    with pytest.raises(
        ThresholdError, match="no threshold of toxic flags at most 1 in 10: too many clean rows score 1"
    ):
        recalibrate(model, rows, budget=0.1)


def test_too_few_clean_rows_measure_no_thresholds(graded: Path) -> None:
    found = recalibrate(graded, clean_and_toxic(8))

    assert found.manifest.curves == {}
    assert any("1 in 1,000 will not load with it; that takes 2,995 clean rows" in note for note in found.notes)


def splits(*parts: tuple[str, int]) -> list[Row]:
    return [row for i, (split, count) in enumerate(parts) for row in Drawn(split=split).rows(count, seed=i)]


@pytest.mark.parametrize(
    ("parts", "used", "told"),
    [
        ((("train", 80), ("tune", 60), ("", 50), ("test", 70)), 60, "60 of 260 rows used: those of the split tune"),
        ((("train", 80), ("", 50), ("test", 70)), 50, "50 of 200 rows used: those without a split"),
        ((("train", 80), ("test", 70)), 80, "may have been trained on these rows"),
        ((("tune", 60),), 60, None),
        ((("", 50),), 50, None),
    ],
)
def test_rows_that_the_model_was_least_likely_trained_on_are_used(
    graded: Path, parts: Sequence[tuple[str, int]], used: int, told: str | None
) -> None:
    found = recalibrate(graded, splits(*parts))
    account = found.manifest.training["recalibrated"][0]
    said = [note for note in found.notes if "rows used" in note or "trained on" in note]

    assert account["clean"] + account["toxic"] == used
    assert account["rows"] == {"village": used}
    assert any(told in note for note in said) if told else not said


def test_rows_of_a_source_that_the_model_was_trained_on_are_doubted(tmp_path: Path) -> None:
    model = build_graded(tmp_path / "model")
    rewritten(model, replace(read_manifest(model), training={"rows": {"village": 100}}))

    unsaid = recalibrate(model, Drawn(split="").rows(100)).notes
    marked = recalibrate(model, Drawn(split="tune").rows(100)).notes
    others = recalibrate(model, Drawn(split="", source="market").rows(100)).notes

    assert any("trained on these rows (village)" in note for note in unsaid)
    assert not any("trained on" in note for note in (*marked, *others))


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([], "no rows to calibrate on"),
        ([Row("  ", 0.0, None, "village")], "no rows to calibrate on"),
        ([Row("w1", 0.0, None, "village", "test"), Row("w2", 1.0, None, "village", "test")], "of the split tune, or"),
        ([Row("w1", 0.0, None, "village"), Row("w2", 0.0, None, "village")], "all 2 rows are clean"),
        ([Row("w1", 1.0, None, "village")], "all 1 rows are toxic"),
        ([Row("w1", 1.0, "mockery", "village", at="chat.csv, line 3")], r"chat\.csv, line 3: 'mockery' is not .*--map"),
    ],
)
def test_rows_that_cannot_be_calibrated_on_are_refused(graded: Path, rows: list[Row], told: str) -> None:
    with pytest.raises(DataError, match=told):
        recalibrate(graded, rows)


@pytest.mark.parametrize("stages", [Stages.HIERARCHICAL, Stages.TWO])
def test_labels_the_wrong_way_round_are_told(tmp_path: Path, stages: Stages) -> None:
    rows = [replace(row, toxic=1 - row.toxic, category=None) for row in Drawn().rows(500)]

    with pytest.raises(DataError, match=r"P\(toxic\) of the model does not rise with toxicity; check their labels"):
        recalibrate(build_graded(tmp_path / "model", stages), rows)


def test_a_calibration_that_does_not_help_is_told(tmp_path: Path) -> None:
    model = build_graded(tmp_path / "model", calibration=TRUE)

    notes = [recalibrate(model, Drawn().rows(40, seed=seed)).notes for seed in range(8)]

    assert any("no better than the present one" in note for said in notes for note in said)
    assert not any("no better" in note for note in recalibrate(build_graded(model), Drawn().rows(500)).notes)


def test_the_version_tells_calibrations_apart_and_weights_together(graded: Path, tmp_path: Path) -> None:
    one = recalibrate(graded, Drawn().rows(300, seed=1)).manifest
    same = recalibrate(graded, Drawn().rows(300, seed=1)).manifest
    other = recalibrate(graded, Drawn().rows(300, seed=2)).manifest
    write_copy(graded, tmp_path / "copy", recalibrate(graded, Drawn().rows(300)))
    twice = recalibrate(tmp_path / "copy", Drawn().rows(300, seed=4)).manifest

    assert one.version == same.version != other.version
    assert {manifest.version.partition("+")[0] for manifest in (one, other, twice)} == {"1"}
    assert twice.version.count("+") == 1
    assert [step["from_version"] for step in twice.training["recalibrated"]] == ["1", one.version]


def test_class_weights_are_chosen_anew_where_there_were_some(tmp_path: Path) -> None:
    model = build_graded(tmp_path / "model")
    assert recalibrate(model, Drawn().rows(800)).manifest.class_weights == {}
    old = {"non_toxic": 1.0, "insult": 50.0, "threat": 50.0, "spam": 50.0}
    rewritten(model, replace(read_manifest(model), class_weights=old))

    chosen = recalibrate(model, Drawn().rows(800)).manifest.class_weights

    assert set(chosen) == set(old)
    assert max(chosen.values()) < 20
    assert recalibrate(model, Drawn().rows(30)).manifest.class_weights == old


def test_a_copy_has_the_files_and_says_what_was_done(graded: Path, tmp_path: Path) -> None:
    (graded / CARD).write_text("# Model card: tiny\n\nOld words.\n", encoding="utf-8")
    found = recalibrate(graded, Drawn().rows(600), command="referee model calibrate here")
    out = tmp_path / "deep" / "copy"

    write_copy(graded, out, found)

    assert read_manifest(out) == found.manifest
    assert sorted(path.name for path in out.iterdir()) == sorted({*found.manifest.files, MANIFEST, CARD})
    assert list(out.parent.iterdir()) == [out]
    card = (out / CARD).read_text(encoding="utf-8")
    assert card.startswith("# Model card: tiny\n\nOld words.\n\n## Calibrated again: tiny-1+")
    for words in ("village (600)", "`referee model calibrate here`", "| 1 in 100 |", "tiny-1."):
        assert words in card


def test_a_copy_of_changed_files_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    model = build_graded(tmp_path / "model")
    found = recalibrate(model, Drawn().rows(100))
    (model / "model.onnx").write_bytes(b"other")

    with pytest.raises(ModelDamaged):
        write_copy(model, tmp_path / "copy", found)
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("in_the_way", ["file", "folder"])
def test_nothing_is_written_over(graded: Path, tmp_path: Path, in_the_way: str) -> None:
    out = tmp_path / "copy"
    if in_the_way == "folder":
        out.mkdir()
        (out / "precious").touch()
    else:
        out.touch()

    with pytest.raises(TrainingError, match=r"copy is there already; name another folder with --out"):
        write_copy(graded, out, recalibrate(graded, Drawn().rows(100)))


def test_in_place_the_old_manifest_stays_beside_the_new_one(tmp_path: Path) -> None:
    model = build_graded(tmp_path / "model")
    old = (model / MANIFEST).read_bytes()
    files = {path.name for path in model.iterdir()}
    found = recalibrate(model, Drawn().rows(300))

    write_in_place(model, found)

    assert (model / BACKUP).read_bytes() == old
    assert read_manifest(model) == found.manifest
    assert load(model).manifest == found.manifest
    assert {path.name for path in model.iterdir()} == files | {BACKUP, CARD}


def test_the_shipped_model_is_not_changed_in_place(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(SHIPPED)

    for name in (SHIPPED, link):
        with pytest.raises(TrainingError, match="the shipped model stays as it is; make a copy with --out"):
            require_own(name)


def test_the_manifest_keeps_what_was_known_before(tmp_path: Path) -> None:
    model = build_model(tmp_path / "model", TinyModel())
    before = replace(read_manifest(model), training={"command": "made"}, metrics={"unseen": {"rows": 3}})
    rewritten(model, before)
    rows = [Row("you idiot", 1.0, "insult", "v"), Row("good game", 0.0, None, "v"), Row("a loser", 0.0, None, "v")]

    after = recalibrate(model, rows).manifest

    assert after.training["command"] == "made"
    assert after.metrics["unseen"] == {"rows": 3}
    assert set(after.metrics["recalibrated"]) == {"before", "after"}
    assert (after.name, after.files, after.window, after.labels_digest) == (
        before.name,
        before.files,
        before.window,
        before.labels_digest,
    )
    assert json.loads(after.to_json())["training"]["recalibrated"][0]["confidence"] == 0.95
