"""Strips that a plan makes again: what that costs, and what it saves."""

from collections.abc import Sequence
from dataclasses import dataclass

from hwmap.sequential.layout import WORD_BYTES
from hwmap.sequential.network import Network
from hwmap.sequential.plan import Plan, Retention


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
    for kept in plan.retentions:
        before = _before(plan, kept)
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
                (kept.last_row - kept.first_row) * network.row_words(kept.tensor) * WORD_BYTES,
            )
        )
    return tuple(found)


def _before(plan: Plan, kept: Retention) -> Retention | None:
    """The copy of the same rows that was there before `kept`."""
    rows = kept.tensor, kept.first_row, kept.last_row
    earlier = [
        other
        for other in plan.retentions
        if (other.tensor, other.first_row, other.last_row) == rows
        and other.end_step <= kept.start_step
    ]
    return max(earlier, key=lambda other: other.end_step, default=None)


def bytes_without(plan: Plan, network: Network) -> int:
    """The least bytes of an arena in which nothing runs again, in the order of the plan: what is
    on chip at its fullest, if every copy stays until it would be made again."""
    words = [0] * len(plan.steps)
    for kept in plan.retentions:
        before = _before(plan, kept)
        first = kept.start_step if before is None else before.end_step
        size = (kept.last_row - kept.first_row) * network.row_words(kept.tensor)
        for index in range(first, kept.end_step):
            words[index] += size
    return max(words) * WORD_BYTES


def strip_text(again: Recomputed) -> str:
    """In one line."""
    return (
        f"{again.name}, rows {again.first_row} to {again.last_row - 1}, again in step {again.step}:"
        f" {again.cycles:,} cycles, so that {again.bytes:,} bytes are free in steps"
        f" {again.free_from} to {again.step - 1}"
    )
