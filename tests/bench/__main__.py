"""make bench: tables on standard output, the same numbers in build/bench.json.

python -m tests.bench [NAME ...]    only these tables
"""

import json
import sys
from pathlib import Path

from tests.bench import budgets, estimators, integer, networks, reference, speed

OUTPUT = Path("build") / "bench.json"


BENCHMARKS = {
    "integer": integer,
    "estimators": estimators,
    "reference": reference,
    "networks": networks,
    "budgets": budgets,
    "speed": speed,
}


def main(names: list[str]) -> None:
    """Run the benchmarks of these names, or all."""
    results = {}
    for name in names or BENCHMARKS:
        module = BENCHMARKS[name]
        rows = list(module.run())
        results[name] = rows
        print(f"\n{module.__doc__.strip().splitlines()[0]}\n")
        _print_table(rows)
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    print(f"\n{OUTPUT}")


def _print_table(rows: list[dict[str, object]]) -> None:
    """Markdown."""
    if not rows:
        print("(the shared networks are not here)")
        return
    print("| " + " | ".join(rows[0]) + " |")
    print("|" + "---|" * len(rows[0]))
    for row in rows:
        print("| " + " | ".join(map(str, row.values())) + " |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
