"""What fits may use of a machine, so that their results do not depend on its number of cores."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from threadpoolctl import threadpool_limits

P = ParamSpec("P")
T = TypeVar("T")

AT_A_TIME = 2
"""Methods of an op that are tried at the same time: each takes memory of its own."""


def one_thread(function: Callable[P, T]) -> Callable[P, T]:
    """The function, with products of matrices that are not divided among threads.

    The order of their sums matters: the same plan of ResNet-56 at half of its MACs, fitted with one
    thread, lost 1.15 points, and 0.45 with two (2000 images).
    """
    limited: Callable[P, T] = threadpool_limits.wrap(limits=1, user_api="blas")(function)
    return limited
