"""Selects and interpolations as loops, functions as expressions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwmap.ir import function as functions
from hwmap.ir.function import X, apply, clip, split_linear
from hwmap.ir.interpolate import FRACTION_BITS, blends, fixed_point, is_unit
from hwmap.ir.select import pieces


def _replayed(sources: list[int]) -> list[int]:
    found = [-1] * len(sources)
    for piece in pieces(np.array(sources)):
        for k in range(piece.count):
            assert found[piece.start + k * piece.step] == -1
            found[piece.start + k * piece.step] = piece.source + k * piece.source_step
    return found


@given(st.lists(st.integers(0, 9), min_size=1, max_size=40))
def test_pieces_cover_every_output_once(sources: list[int]):
    assert _replayed(sources) == sources


def test_regular_moves_are_few_pieces():
    assert len(pieces(np.arange(3, 9))) == 1
    assert len(pieces(np.arange(0, 9, 2))) == 1
    assert len(pieces(np.repeat(np.arange(7), 3))) == 3
    assert len(pieces(np.array([0, 0, 0, 1, 2, 3, 3]))) <= 3


@given(st.integers(1, 9), st.integers(1, 24))
def test_blends_give_the_matrix_again(size: int, outputs: int):
    places = np.clip((np.arange(outputs) + 0.5) * size / outputs - 0.5, 0, size - 1)
    first = np.floor(places).astype(int)
    matrix = np.zeros((outputs, size))
    for row, (i, place) in enumerate(zip(first, places, strict=True)):
        matrix[row, i] += 1 - (place - i)
        if place > i:
            matrix[row, i + 1] += place - i
    found = np.zeros((outputs, size + 1), int)

    for blend in blends(matrix):
        for k in range(blend.count):
            source = blend.source + k * blend.source_step
            found[blend.start + k * blend.step, source : source + 2] += blend.factors

    assert (found[:, :size] == fixed_point(matrix)).all()
    assert (found.sum(1) == 1 << FRACTION_BITS).all()


def test_three_neighbours_are_no_blend():
    assert blends(np.array([[0.25, 0.5, 0.25]])) is None


def test_a_unit_matrix_is_found_in_floats_and_in_fixed_point():
    assert is_unit(np.eye(3, dtype=np.float32))
    assert is_unit(fixed_point(np.eye(3)))
    assert not is_unit(np.eye(3)[::-1])
    assert not is_unit(np.eye(3)[:2])


@given(st.floats(-3, 3), st.floats(-3, 3), st.floats(-3, 3), st.floats(-3, 3))
def test_a_clamp_of_a_clamp_is_one(a: float, b: float, c: float, d: float):
    (low, high), (low2, high2) = sorted((a, b)), sorted((c, d))
    x = np.linspace(-4, 4, 50)

    merged = clip(clip(X, low, high), low2, high2)

    assert len(split_linear(merged)) == 1
    assert np.array_equal(apply(merged, x), np.clip(np.clip(x, low, high), low2, high2))


def test_affine_maps_merge_and_a_neutral_one_vanishes():
    twice = functions.affine(functions.affine(X, 2.0, 1.0), 3.0, 4.0)

    assert split_linear(twice) == (("affine", 6.0, 7.0),)
    assert functions.affine(X, 1.0, 0.0) == X


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        (("sigmoid", X), lambda x: 1 / (1 + np.exp(-x))),
        (("mul", X, ("tanh", X)), lambda x: x * np.tanh(x)),
        (("div", 1.0, ("add", ("abs", X), 2.0)), lambda x: 1 / (np.abs(x) + 2)),
        (("pow", ("exp", X), 0.5), lambda x: np.exp(x / 2)),
    ],
)
def test_an_expression_is_what_numpy_says(expression, wanted):
    x = np.linspace(-5, 5, 101)

    assert np.allclose(apply(expression, x), wanted(x))
    assert split_linear(expression) is None
