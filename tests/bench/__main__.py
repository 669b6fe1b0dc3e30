"""make bench: tables on standard output. Each replaces its section of BENCHMARKS.md and its rows in
build/bench.json.

python -m tests.bench [NAME ...]    only these tables
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

from tests.bench import (
    budgets,
    candidates,
    cpd,
    decomposition_weights,
    decompositions,
    estimators,
    exploration,
    fifos,
    integer,
    ladder,
    luts,
    moves,
    network_memory,
    networks,
    prediction,
    published,
    reference,
    rematerialization,
    rematerialization_baselines,
    sequential,
    small_graphs,
    speed,
    streaming,
)
from tests.networks import ROOT, SHARED

ROWS = ROOT / "build" / "bench.json"
PAGE = Path(__file__).parent / "BENCHMARKS.md"

Row = dict[str, object]

BENCHMARKS = {
    "integer": integer,
    "estimators": estimators,
    "reference": reference,
    "decompositions": decompositions,
    "decomposition_weights": decomposition_weights,
    "prediction": prediction,
    "cpd": cpd,
    "moves": moves,
    "small_graphs": small_graphs,
    "rematerialization": rematerialization,
    "rematerialization_baselines": rematerialization_baselines,
    "published": published,
    "network_memory": network_memory,
    "candidates": candidates,
    "networks": networks,
    "sequential": sequential,
    "ladder": ladder,
    "budgets": budgets,
    "speed": speed,
    "luts": luts,
    "streaming": streaming,
    "fifos": fifos,
    "exploration": exploration,
}


def main(names: list[str]) -> None:
    """Run the benchmarks of these names, or all."""
    unknown = sorted(set(names) - set(BENCHMARKS))
    if unknown:
        sys.exit(f"benchmark '{unknown[0]}' is not known; expected {', '.join(BENCHMARKS)}")
    ROWS.parent.mkdir(exist_ok=True)
    for name in names or BENCHMARKS:
        module = BENCHMARKS[name]
        print(f"\n{_title(module)}\n")
        rows = list(_printed(module.run()))
        if not rows:
            print("(the shared networks are not here)")
            continue
        if not SHARED.is_dir():
            print("(not kept: the page has the shared networks too, which are not here)")
            continue
        results = json.loads(ROWS.read_text("utf-8")) if ROWS.is_file() else {}
        ROWS.write_text(json.dumps(results | {name: rows}, indent=1) + "\n", "utf-8")
        page = PAGE.read_text("utf-8")
        PAGE.write_text(with_section(page, name, section(name, module, rows)), "utf-8")
    print(f"\n{PAGE.relative_to(ROOT)}, {ROWS.relative_to(ROOT)}")


def _title(module: ModuleType) -> str:
    return str(module.__doc__).strip().splitlines()[0]


def _head(row: Row) -> str:
    return "| " + " | ".join(row) + " |\n|" + "---|" * len(row)


def _line(row: Row) -> str:
    return "| " + " | ".join(map(str, row.values())) + " |"


def _printed(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows, each printed as soon as it is there."""
    for count, row in enumerate(rows):
        if count == 0:
            print(_head(row))
        print(_line(row), flush=True)
        yield row


def section(name: str, module: ModuleType, rows: list[Row]) -> str:
    """What the page says of a benchmark: what it is, how to run it, and its table."""
    table = "\n".join([_head(rows[0]), *map(_line, rows)])
    text = str(module.__doc__).strip()
    return f"## {name}\n\n{text}\n\n    python -m tests.bench {name}\n\n{table}\n"


def with_section(page: str, name: str, text: str) -> str:
    """`page` with the section `name` replaced, or in the place where it belongs."""
    head, *parts = re.split(r"^(?=## )", page, flags=re.MULTILINE)
    found = {part.split("\n", 1)[0].removeprefix("## "): part.rstrip() + "\n" for part in parts}
    found[name] = text
    order = [known for known in BENCHMARKS if known in found]
    return "\n".join([head.rstrip() + "\n", *(found[known] for known in order)])


if __name__ == "__main__":
    main(sys.argv[1:])
