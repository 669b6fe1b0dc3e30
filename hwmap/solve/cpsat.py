"""CP-SAT with answers that repeat."""

from ortools.sat.python import cp_model

from hwmap.solve.deadline import wall_seconds

SECONDS_PER_UNIT = 3.0
SECONDS_PER_VARIABLE = 4e-5
"""Measured on schedule models of ResNet-20: seconds per unit of CP-SAT's deterministic time, and
seconds to build a model, per variable."""


def new_solver(seconds: float) -> cp_model.CpSolver:
    """A solver whose answers repeat: one worker, a fixed seed, and a limit that counts operations
    instead of reading the clock, which ends it on slow machines only."""
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    # Its own handler of Ctrl-C would stay behind, and end the process on the spot.
    solver.parameters.catch_sigint_signal = False
    solver.parameters.random_seed = 0
    solver.parameters.max_deterministic_time = seconds / SECONDS_PER_UNIT
    solver.parameters.max_time_in_seconds = wall_seconds(seconds)
    return solver


def effort_seconds(model: cp_model.CpModel, solver: cp_model.CpSolver) -> float:
    """About the seconds that building and solving `model` took, the same on every machine."""
    solved = float(solver.response_proto.deterministic_time)
    return SECONDS_PER_UNIT * solved + SECONDS_PER_VARIABLE * len(model.proto.variables)
