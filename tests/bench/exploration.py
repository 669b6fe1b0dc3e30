"""Sweeps: 24 points of two networks, and a page of 500 points in a browser.

`s` is the time of a whole sweep on all cores of this machine, both styles at every point; `solved`
are the tasks that a solver was asked, the others follow from the answers to other budgets. `click`
is the longest of 20 clicks on a point of the page, until its numbers and layers are there; the
figures follow (a headless Chromium; - where there is none).
"""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import hwmap
from hwmap.explore.store import FILE
from tests.bench.common import temporary
from tests.explore.pages import BROWSER, DRIVER, browser_of, opened, page_of
from tests.networks import SHARED

KIB = 1024
DSP = (160, 320, 640, 1248)
SWEEPS = {
    "resnet20_cifar10": (256, 512, 768, 1024, 2048, 2952),
    "squeezenet11_imagenet": (512, 1024, 1536, 2048, 2560, 2952),
}
POINTS, CLICKS = 500, 20


def run() -> Iterator[dict[str, object]]:
    """A row per sweep, and one for the page."""
    for name, sizes in SWEEPS.items() if SHARED.is_dir() else ():
        with temporary() as folder:
            yield _sweep(name, sizes, Path(folder) / "sweep")
    with temporary() as folder:
        yield _page(Path(folder) / "report.html")


def _sweep(name: str, sizes: tuple[int, ...], folder: Path) -> dict[str, object]:
    begin = time.perf_counter()
    found = hwmap.explore(
        SHARED / "models" / f"{name}.onnx",
        "kv260",
        folder,
        mem=[KIB * size for size in sizes],
        dsp=DSP,
        style="auto",
    )
    seconds = time.perf_counter() - begin
    with sqlite3.connect(folder / FILE) as store:
        (asked,) = store.execute(
            "SELECT count(*) FROM solved WHERE json_extract(answer, '$.seconds') > 0"
        ).fetchone()
        (tasks,) = store.execute("SELECT count(*) FROM solved").fetchone()
    speeds = [point.fps for point in found.points if point.fps is not None]
    return {
        "sweep": f"{name}, kv260",
        "points": len(found.points),
        "proved": sum(point.status == "optimal" for point in found.points),
        "images/s": f"{min(speeds):,.0f} to {max(speeds):,.0f}",
        "solved": f"{asked} of {tasks}",
        "s": f"{seconds:.0f}",
        "MB": f"{(folder / 'report.html').stat().st_size / 1e6:.1f}",
        "click": "",
    }


def _page(path: Path) -> dict[str, object]:
    path.write_text(page_of(POINTS), "utf-8")
    click = "-"
    if BROWSER and DRIVER:
        with browser_of() as browser:
            opened(browser, path)
            times = [
                float(
                    browser.execute_script(
                        "const begin = performance.now();"
                        f"document.querySelectorAll('#points tbody tr')[{number * 20}].click();"
                        "return performance.now() - begin;"
                    )
                )
                for number in range(1, CLICKS + 1)
            ]
            click = f"{max(times):.0f} ms"
    return {
        "sweep": "a page",
        "points": POINTS,
        "proved": "",
        "images/s": "",
        "solved": "",
        "s": "",
        "MB": f"{path.stat().st_size / 1e6:.1f}",
        "click": click,
    }
