"""What a program is planned for: a board and a budget, or an engine that exists."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from hwmap.blocks import BRAM18_SHAPES, URAM_SHAPE, place
from hwmap.board import Board, Budget
from hwmap.sequential.engine import Engine
from hwmap.sequential.logic import engine_logic
from hwmap.sequential.memory import memories
from hwmap.sequential.plan import Plan

GROWTH = (1.0, 0.25, 0.0625, 0.015625)
"""Steps in which memories are made larger, as parts of what a plan takes."""

Room = Callable[[Engine, int], int]
"""Port words that are left for constants beside an arena of so many words on an engine; below 0 if
the arena is too large."""


@dataclass(frozen=True)
class Target:
    """A board and the part of it that may be used; of an engine that exists, `built` is the plan
    that it was made for. With `whole_memory` an engine takes all memory of the budget."""

    board: Board
    budget: Budget
    built: Plan | None = None
    whole_memory: bool = False

    def most_constants(self, engine: Engine, arena_words: int) -> int:
        """Port words of the largest constant memory beside an arena of so many words; below 0 if
        there is no room for the arena."""
        if self.built is not None:
            return self.built.constant_words if arena_words <= self.built.arena_words else -1
        budget = self.budget
        whole = memories(engine, arena_words, 0)
        banks = whole[1].copies
        left = budget.memory_bytes - sum(memory.size_bytes for memory in whole)
        best = -1
        for in_uram in ((), ("arena",)):
            bram18 = sum(m.bram18 for m in whole if m.name not in in_uram)
            uram = sum(m.uram for m in whole if m.name in in_uram)
            if bram18 > budget.bram18 or uram > budget.uram or left < 0:
                continue
            depths = [
                depth * ((budget.bram18 - bram18) // (banks * -(-64 // width)))
                for depth, width in BRAM18_SHAPES
            ]
            depths.append(URAM_SHAPE[0] * ((budget.uram - uram) // banks))
            best = max(best, *depths)
        return min(best, left // engine.port_bytes)

    def spills(self, engine: Engine) -> bool:
        """Whether rows of tensors can leave `engine` for DRAM."""
        if self.built is not None:
            return self.built.engine.spills
        logic = engine_logic(replace(engine, spills=True), self.board.dsp_slice)
        return logic.lut <= self.budget.lut and logic.ff <= self.budget.ff

    def sized(self, plan: Plan) -> Plan | None:
        """`plan` with what its engine takes of the board; None if that is too much."""
        if self.built is not None:
            built = self.built
            return replace(plan, arena_words=built.arena_words, memory_bytes=built.memory_bytes,
                           constant_words=built.constant_words, in_uram=built.in_uram,
                           dsp=built.dsp, lut=built.lut, ff=built.ff)  # fmt: skip
        if self.whole_memory:
            plan = self._filled(plan)
        budget = self.budget
        found = memories(plan.engine, plan.arena_words, plan.constant_words)
        use = place(found, bram18=budget.bram18, uram=budget.uram)
        size = sum(memory.size_bytes for memory in found)
        logic = engine_logic(plan.engine, self.board.dsp_slice)
        too_much = size > budget.memory_bytes or logic.lut > budget.lut or logic.ff > budget.ff
        if use is None or too_much:
            return None
        return replace(plan, memory_bytes=size, in_uram=use.in_uram, dsp=plan.engine.dsp,
                       lut=logic.lut, ff=logic.ff)  # fmt: skip

    def _filled(self, plan: Plan) -> Plan:
        """`plan` with both memories as much larger as there is room, and then each alone."""
        arena_words, constant_words = max(plan.arena_words, 1), max(plan.constant_words, 1)
        plan = replace(plan, arena_words=arena_words, constant_words=constant_words)
        for arena, constants in ((True, True), (True, False), (False, True)):
            factor = 1.0
            for step in GROWTH:
                while self._has_room(_grown(plan, factor + step, arena=arena, constants=constants)):
                    factor += step
            plan = _grown(plan, factor, arena=arena, constants=constants)
        return plan

    def _has_room(self, plan: Plan) -> bool:
        found = memories(plan.engine, plan.arena_words, plan.constant_words)
        use = place(found, bram18=self.budget.bram18, uram=self.budget.uram)
        return use is not None and sum(m.size_bytes for m in found) <= self.budget.memory_bytes


def _grown(plan: Plan, factor: float, *, arena: bool, constants: bool) -> Plan:
    """`plan` with a larger arena, or larger constant memory."""
    return replace(
        plan,
        arena_words=int(plan.arena_words * factor) if arena else plan.arena_words,
        constant_words=int(plan.constant_words * factor) if constants else plan.constant_words,
    )
