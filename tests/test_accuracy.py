"""How far apart two outputs are, on numbers that can be checked by hand."""

import numpy as np
import pytest

from hwmap.accuracy import (
    Drop,
    accuracy_of,
    drop_of,
    level_differences,
    output_loss,
    relative_square,
    same_class,
    worst_error,
)

ONE = np.array([[3.0, 4.0]])
OTHER = np.array([[3.0, 1.0]])


def test_a_squared_error_is_relative_to_what_was_wanted():
    assert relative_square(OTHER, ONE) == pytest.approx(9 / 25)


def test_an_error_against_zeros_is_finite():
    assert np.isfinite(relative_square(ONE, np.zeros((1, 2))))


def test_the_loss_is_the_mean_over_outputs_and_the_error_that_of_the_worst():
    found, wanted = {"a": OTHER, "b": ONE}, {"a": ONE, "b": ONE, "not an output": ONE}

    assert output_loss(found, wanted) == pytest.approx(9 / 50)
    assert worst_error(found, wanted) == pytest.approx(3 / 5)


def test_levels_are_counted_without_overflow():
    found, wanted = np.array([-128, 5, 7], np.int8), np.array([127, 5, 6], np.int8)

    assert level_differences(found, wanted.astype(np.int64)) == (255, 2)


def test_an_accuracy_compares_classes_with_labels_and_with_each_other():
    exact, integer = np.eye(4), np.eye(4)[[0, 1, 3, 3]]
    labels = np.array([0, 1, 2, 0])

    found = accuracy_of({"y": exact}, {"y": integer}, labels)

    assert (found.images, found.float_top1, found.integer_top1) == (4, 0.75, 0.5)
    assert found.same_class == same_class(exact, integer) == 0.75


def test_a_drop_is_in_points_with_labels_and_in_percent_without():
    wanted, found = {"y": np.eye(2)}, {"y": np.eye(2)[[0, 0]]}

    with_labels = drop_of(found, wanted, np.array([0, 1]))

    assert with_labels == Drop(50.0, 100.0)
    assert with_labels.size == 50.0
    assert drop_of(found, wanted, None) == Drop(None, 100.0)
