"""make bench: tables on standard output, the same numbers in build/bench.json.

python -m tests.bench [NAME ...]    only these tables
"""

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.bench import (
    budgets,
    candidates,
    cpd,
    decomposition_weights,
    decompositions,
    estimators,
    integer,
    moves,
    network_memory,
    networks,
    prediction,
    reference,
    rematerialization,
    rematerialization_baselines,
    small_graphs,
    speed,
)

OUTPUT = Path("build") / "bench.json"


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
    "network_memory": network_memory,
    "candidates": candidates,
    "networks": networks,
    "budgets": budgets,
    "speed": speed,
}


def main(names: list[str]) -> None:
    """Run the benchmarks of these names, or all."""
    results = {}
    for name in names or BENCHMARKS:
        module = BENCHMARKS[name]
        print(f"\n{module.__doc__.strip().splitlines()[0]}\n")
        results[name] = list(_printed(module.run()))
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    print(f"\n{OUTPUT}")


def _printed(rows: Iterable[dict[str, object]]) -> Iterator[dict[str, object]]:
    """The rows, each printed as Markdown as soon as it is there."""
    count = 0
    for count, row in enumerate(rows, start=1):
        if count == 1:
            print("| " + " | ".join(row) + " |")
            print("|" + "---|" * len(row))
        print("| " + " | ".join(map(str, row.values())) + " |", flush=True)
        yield row
    if not count:
        print("(the shared networks are not here)")


if __name__ == "__main__":
    main(sys.argv[1:])
