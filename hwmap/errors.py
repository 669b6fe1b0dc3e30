"""Every exception that hwmap raises on purpose.

A `HwmapError` is something a user can cause and repair: `cli.py` prints it as one line and exits
with its `exit_code`. A `GraphError` is a broken promise inside hwmap, and keeps its traceback.
"""


class HwmapError(Exception):
    """Something the user can repair; the message names the thing and says what to do."""

    exit_code = 1


class ModelError(HwmapError):
    """The ONNX file cannot be read, or does not describe a network hwmap can import."""


class UnsupportedOperatorError(ModelError):
    """The ONNX file uses operators or attributes that hwmap does not have; all are listed."""


class DataError(HwmapError):
    """A data file (.npz) is missing, unreadable, or does not fit the network."""


class BoardError(HwmapError):
    """A board name or a board file is wrong."""


class BudgetError(HwmapError):
    """A budget or limit given by the user is not a legal value."""


class PlanError(HwmapError):
    """A plan file is unreadable, or does not fit the network, board or budget."""


class ScheduleError(HwmapError):
    """A graph to be scheduled has a cycle, a missing node, or sizes that are not legal."""


class OutputError(HwmapError):
    """An output directory is not usable, or a design directory is incomplete."""


class InfeasibleError(HwmapError):
    """Proved: no design fits the board and the budget."""

    exit_code = 3


class TimeLimitError(HwmapError):
    """No design was found in the time given; that none exists is not proved."""

    exit_code = 4


class SimulationError(HwmapError):
    """A simulation stopped, or its result is not the reference's."""


class DeadlockError(SimulationError):
    """Kernels that wait for one another."""


class MismatchError(SimulationError):
    """Two rungs of the ladder of proof disagree."""


class GraphError(Exception):
    """An internal invariant is broken. This is a bug in hwmap."""
