"""A time limit ends work on a machine that is slow, and leaves it alone on others."""

import pytest

from hwmap.solve import deadline
from hwmap.solve.deadline import LATE, SHORT, Deadline, wall_seconds
from hwmap.solve.remat import rounds
from hwmap.solve.remat.rounds import Result
from tests.graphs import problem, random_graph


class _Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    clock = _Clock()
    monkeypatch.setattr(deadline, "perf_counter", clock)
    return clock


def test_a_share_of_the_work_is_what_there_is_time_for(clock: _Clock):
    limit = Deadline(10)

    assert limit.share(0, 500) == 500
    clock.now += 2
    assert limit.share(1000, 500) == 500
    assert limit.share(100, 5000) == pytest.approx(100 / 2 * (10 * LATE - 2))
    assert not limit.over
    clock.now += 10 * LATE
    assert limit.over
    assert limit.share(100, 5000) == 0


def test_a_search_on_a_slow_machine_stops_early_with_what_it_has(
    clock: _Clock, monkeypatch: pytest.MonkeyPatch
):
    whole = problem(random_graph(1, 40), fixed=False)
    moves = []

    def slow(*arguments: object) -> Result:
        *_, length, _ = arguments
        moves.append(length)
        clock.now += length * 10 * rounds.MOVE_SECONDS[0]
        return Result(rounds.FROM_BEST, whole.start, (False, whole.duration(whole.start) + 1))

    monkeypatch.setattr(rounds, "anneal_from", slow)
    found, left = rounds.search(whole, 1, 20.0, seed=0)

    assert found == whole.start
    assert left == 0
    assert clock.now < 100 + 2 * 20
    assert 0 < sum(moves) < 20 / rounds.MOVE_SECONDS[0] / 4


def test_a_short_limit_is_not_policed_to_the_second():
    assert wall_seconds(1) == LATE * SHORT
    assert wall_seconds(100) == LATE * 100
