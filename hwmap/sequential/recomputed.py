"""Strips that a plan makes again: what that costs, and what it saves."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hwmap.sequential.layout import WORD_BYTES
from hwmap.sequential.network import Network
from hwmap.sequential.plan import Plan, Retention
from hwmap.solve.addresses import Item, live_peak


@dataclass(frozen=True)
class Recomputed:
    """Rows [first_row, last_row) of op `name`, made again in step `step`, in so many `cycles`. The
    `bytes` of the copy before are free for other tensors in steps [free_from, step)."""

    name: str
    first_row: int
    last_row: int
    step: int
    cycles: int
    free_from: int
    bytes: int


def recomputed_strips(
    plan: Plan, network: Network, cycles: Sequence[int]
) -> tuple[Recomputed, ...]:
    """What runs again, of a plan whose steps take so many `cycles`. A strip that is made in parts
    is one."""
    found = []
    for before, kept in _copies(plan):
        if before is None:
            continue
        step = plan.steps[kept.start_step]
        parts = [
            index
            for index in range(kept.start_step, kept.end_step)
            if (plan.steps[index].name, plan.steps[index].instance) == (step.name, step.instance)
            and plan.steps[index].first_row == step.first_row
        ]
        found.append(
            Recomputed(
                step.name,
                kept.first_row,
                kept.last_row,
                kept.start_step,
                sum(cycles[index] for index in parts),
                before.end_step,
                _words(kept, network) * WORD_BYTES,
            )
        )
    return tuple(found)


def _copies(plan: Plan) -> Iterator[tuple[Retention | None, Retention]]:
    """Every copy of rows that is on chip, and the one before it, if it is made again."""
    last: dict[tuple[str, int, int], Retention] = {}
    for kept in sorted(plan.retentions, key=lambda kept: kept.start_step):
        rows = kept.tensor, kept.first_row, kept.last_row
        comes_back = plan.steps[kept.start_step].kind == "reload"
        yield None if comes_back else last.get(rows), kept
        last[rows] = kept


def _words(kept: Retention, network: Network) -> int:
    return (kept.last_row - kept.first_row) * network.row_words(kept.tensor)


def bytes_without(plan: Plan, network: Network) -> int:
    """The least bytes of an arena in which nothing runs again, in the order of the plan: what is
    on chip at its fullest, if every copy stays until it would be made again."""
    stays = [
        Item(
            _words(kept, network),
            kept.start_step if before is None else before.end_step,
            kept.end_step,
        )
        for before, kept in _copies(plan)
    ]
    return live_peak(stays) * WORD_BYTES


def strip_text(again: Recomputed) -> str:
    """In one line."""
    return (
        f"{again.name}, rows {again.first_row} to {again.last_row - 1}, again in step {again.step}:"
        f" {again.cycles:,} cycles, so that {again.bytes:,} bytes are free in steps"
        f" {again.free_from} to {again.step - 1}"
    )
