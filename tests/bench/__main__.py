"""make bench: tables on standard output, the same numbers in build/bench.json."""

import json
from pathlib import Path

from tests.bench import budgets, networks, speed

OUTPUT = Path("build") / "bench.json"


def main() -> None:
    """Run every benchmark."""
    results = {}
    for module in (networks, budgets, speed):
        name = module.__name__.rsplit(".", 1)[-1]
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
    main()
