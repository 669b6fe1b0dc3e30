"""The axes of a sweep as a user writes them: "128,256,512", "0.5:4:0.25MiB"."""

import re
from collections.abc import Callable, Iterator

from hwmap.board import parse_bytes
from hwmap.errors import BudgetError
from hwmap.reduce.goal import check_drop

MOST_VALUES, MOST = 1000, 1e15


def parse_sizes(text: str) -> tuple[int, ...]:
    """Bytes: a list of sizes and of ranges from:to:step, whose unit stands at the end.

    Raises:
        BudgetError: it is none.
    """

    def parse(item: str) -> tuple[float, ...]:
        unit = re.search(r"[a-zA-Z]*\s*$", item)
        assert unit is not None
        parts = item.split(":")
        return tuple(
            parse_bytes(part if re.search("[a-zA-Z]", part) else part + unit[0]) for part in parts
        )

    return tuple(int(value) for value in _values(text, "sizes", "0.5:4:0.25MiB", parse))


def parse_counts(text: str) -> tuple[int, ...]:
    """Whole numbers: a list of numbers and of ranges from:to:step.

    Raises:
        BudgetError: it is none.
    """

    def parse(item: str) -> tuple[float, ...]:
        return tuple(int(part) for part in item.split(":"))

    return tuple(int(value) for value in _values(text, "numbers", "128,256,512", parse))


def parse_drops(text: str) -> tuple[float, ...]:
    """Limits on the drop: the same, with fractions.

    Raises:
        BudgetError: it is none, or one is not from 0 to 100.
    """

    def parse(item: str) -> tuple[float, ...]:
        return tuple(float(part) for part in item.split(":"))

    found = _values(text, "drops", "0,0.5,1", parse)
    for value in found:
        check_drop(value)
    return found


def parse_names(text: str) -> tuple[str, ...]:
    """A list of names."""
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _values(
    text: str, what: str, example: str, parse: Callable[[str], tuple[float, ...]]
) -> tuple[float, ...]:
    """The different values of a list, from the smallest to the largest."""
    wrong = BudgetError(f"'{text}': expected {what}, for example {example}")
    found: set[float] = set()
    for item in text.split(","):
        try:
            numbers = parse(item)
        except ValueError as error:
            raise wrong from error
        if len(numbers) not in (1, 3):
            raise wrong
        found.update(_range(*numbers, wrong) if len(numbers) == 3 else numbers)
        if len(found) > MOST_VALUES:
            raise BudgetError(f"'{text}': more than {MOST_VALUES:,} values; take a larger step")
    return tuple(sorted(found))


def _range(first: float, last: float, step: float, wrong: BudgetError) -> Iterator[float]:
    if not (step > 0 and first <= last < MOST):
        raise wrong
    for index in range(min(int((last - first) / step + 1e-9), MOST_VALUES) + 1):
        yield round(first + index * step, 9)
