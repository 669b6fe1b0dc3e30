"""The selector: exact, against brute force; and clear where nothing is within the limit."""

import random
from itertools import product

import pytest

from hwmap.decompose.candidates import Candidate
from hwmap.decompose.method import DENSE, Method
from hwmap.errors import InfeasibleError
from hwmap.ir.graph import Graph
from hwmap.solve.answer import loss_ppb
from hwmap.solve.select import Limit, select

EMPTY = Graph("part", (), (), (), {}, {})


def _candidates(rng: random.Random, ops: int) -> dict[str, tuple[Candidate, ...]]:
    found = {}
    for index in range(ops):
        dense = Candidate(f"op{index}", DENSE, EMPTY, 0.0, 0.0, rng.randint(50, 90), 40)
        others = [
            Candidate(
                f"op{index}",
                Method("cpd", (rank,)),
                EMPTY,
                0.1,
                rng.uniform(0, 0.1),
                rng.randint(5, 80),
                rng.randint(5, 60),
            )
            for rank in range(1, rng.randint(2, 5))
        ]
        found[f"op{index}"] = (dense, *others)
    return found


def _cost(items: tuple[Candidate, ...], cost: str) -> int:
    return sum(loss_ppb(c.loss) if cost == "loss" else getattr(c, cost) for c in items)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("minimize", ["loss", "macs", "weights"])
def test_the_choice_is_the_best_there_is(seed: int, minimize: str):
    rng = random.Random(seed)
    candidates = _candidates(rng, 5)
    limits = {"loss": {"macs": 200}, "macs": {"loss": 0.08}, "weights": {"loss": 0.1, "macs": 300}}
    limit = Limit(**limits[minimize])
    allowed = [
        items
        for items in product(*candidates.values())
        if (limit.macs is None or _cost(items, "macs") <= limit.macs)
        and (limit.loss is None or _cost(items, "loss") <= limit.loss * 1e9)
    ]
    assert allowed

    found = select(candidates, minimize, limit)

    assert found.status == "optimal"
    best = min(_cost(items, minimize) for items in allowed)
    assert _cost(found.candidates, minimize) == best
    assert found.macs == _cost(found.candidates, "macs")
    assert [c.op for c in found.candidates] == list(candidates)


def test_a_share_that_is_too_small_says_what_is_possible():
    candidates = _candidates(random.Random(1), 4)
    least = sum(min(c.macs for c in items) for items in candidates.values())

    assert select(candidates, "loss", Limit(macs=least)).macs == least
    with pytest.raises(InfeasibleError, match=rf"within {least - 1} MACs \(at least {least}\)"):
        select(candidates, "loss", Limit(macs=least - 1))


def test_no_limit_leaves_everything_as_it_is():
    candidates = _candidates(random.Random(2), 4)

    assert all(c.method == DENSE for c in select(candidates, "loss", Limit()).candidates)
