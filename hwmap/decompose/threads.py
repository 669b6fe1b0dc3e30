"""What fits may use of a machine, so that their results do not depend on its number of cores."""

from contextlib import AbstractContextManager

from threadpoolctl import threadpool_limits

AT_A_TIME = 2
"""Methods of an op that are tried at the same time: each takes memory of its own."""


def one_thread() -> AbstractContextManager[object]:
    """While it is open, the sums of a product of matrices are not divided among threads.

    Their order matters: the same plan of ResNet-56 at half of its MACs, fitted with one thread,
    lost 1.15 points, and 0.45 with two (2000 images).
    """
    limits: AbstractContextManager[object] = threadpool_limits(limits=1, user_api="blas")
    return limits
