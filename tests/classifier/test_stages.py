import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from classifier.calibrate import Calibration, Floats, sigmoid, softmax
from classifier.stages import hierarchical, one_stage, passes_first_stage, two_stage

LOGITS = st.floats(-50, 50)
CALIBRATION = st.builds(Calibration, st.floats(0.1, 5), st.floats(-5, 5), st.floats(0.25, 8))
TOXIC = arrays(np.float64, 5, elements=LOGITS)
CATEGORY = arrays(np.float64, (5, 3), elements=LOGITS)


@given(arrays(np.float64, (5, 4), elements=LOGITS), CALIBRATION)
def test_one_stage_categories_sum_to_what_is_not_clean(logits: Floats, calibration: Calibration) -> None:
    read = one_stage(logits, calibration)

    assert read.categories.sum(axis=1) == pytest.approx(read.toxic, abs=1e-9)
    assert 1 - read.toxic == pytest.approx(softmax(calibration.scale * logits)[:, 0])


@given(TOXIC, CATEGORY, CALIBRATION)
def test_hierarchical_categories_sum_to_the_toxic_head(
    toxic: Floats, category: Floats, calibration: Calibration
) -> None:
    read = hierarchical(toxic, category, calibration)

    assert read.toxic == pytest.approx(calibration.toxic(toxic))
    assert read.categories.sum(axis=1) == pytest.approx(read.toxic)


@given(TOXIC, CATEGORY, CALIBRATION, st.floats(0, 1))
def test_two_stages_agree_with_two_heads_on_what_passed(
    toxic: Floats, category: Floats, calibration: Calibration, least: float
) -> None:
    passed = passes_first_stage(toxic, calibration, least)
    through = passed.astype(bool)
    read = two_stage(toxic, passed, category[through], 3, calibration)
    heads = hierarchical(toxic, category, calibration)

    assert read.toxic == pytest.approx(heads.toxic)
    assert read.categories.sum(axis=1) == pytest.approx(read.toxic)
    assert read.categories[through] == pytest.approx(heads.categories[through])
    assert read.categories[~through] == pytest.approx(np.repeat(read.toxic[~through, None] / 3, 3, axis=1))


def test_only_texts_of_enough_toxicity_pass_the_first_stage() -> None:
    passed = passes_first_stage(np.array([-5.0, 0.0, 5.0]), Calibration(), 0.5)

    assert passed.tolist() == [False, True, True]


def test_calibration_decides_what_passes_the_first_stage() -> None:
    assert passes_first_stage(np.array([1.0]), Calibration(bias=-2.0), 0.5).tolist() == [False]


def test_two_stages_read_each_text_that_passed_in_its_own_place() -> None:
    passed = np.array([True, False, True])
    read = two_stage(np.zeros(3), passed, np.array([[9.0, 0.0], [0.0, 9.0]]), 2, Calibration())

    assert read.categories.argmax(axis=1).tolist() == [0, 0, 1]
    assert read.categories[1].tolist() == [0.25, 0.25]


def test_two_stages_need_no_category_where_nothing_passed() -> None:
    read = two_stage(np.array([-9.0]), np.array([False]), np.zeros((0, 2)), 2, Calibration())

    assert read.categories[0] == pytest.approx([sigmoid(np.array([-9.0]))[0] / 2] * 2)
