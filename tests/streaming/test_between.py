"""What regrouping takes, found for many layouts at once, is what its kernels and FIFOs take."""

from dataclasses import astuple

import numpy as np
import pytest

from hwmap.streaming.cost import Target, fifo_cost, unit_cost
from hwmap.streaming.layout import Layout
from hwmap.streaming.network import conversions
from hwmap.streaming.solve.between import Forms, regrouping
from hwmap.streaming.units import LEAST_DEPTH, sources_of

SHAPE = (48, 14, 15)


@pytest.mark.parametrize("family", ["DSP48E1", "DSP48E2"])
def test_regrouping_costs_what_its_kernels_and_fifos_cost(family: str):
    random = np.random.default_rng(0)
    target = Target(family, -127)
    have, wanted = (
        Forms(random.integers(1, 49, 24), random.choice([1, 2, 3, 4, 6, 8], 24)) for _ in range(2)
    )

    found = regrouping(SHAPE, have, wanted, target)

    for row in range(24):
        for column in range(24):
            assert found[row, column] == pytest.approx(
                _one_by_one(_layout(have, row), _layout(wanted, column), target), abs=2
            )


def _layout(forms: Forms, at: int) -> Layout:
    return Layout(SHAPE, int(forms.lanes[at]), int(forms.pixels[at]))


def _one_by_one(have: Layout, wanted: Layout, target: Target) -> np.ndarray:
    total = np.zeros(6)
    for unit in conversions(have, wanted):
        total += astuple(unit_cost(unit, 8, target))
        total += astuple(fifo_cost(sources_of(unit)[0], LEAST_DEPTH, target))
    return total
