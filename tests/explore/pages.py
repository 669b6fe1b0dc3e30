"""Pages of made-up sweeps, and the browser that opens them."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from selenium import webdriver

from hwmap.explore.page import page
from hwmap.explore.point import Point
from hwmap.profile import Fill, Profile, Span

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
KERNELS = 60


def _profile(seed: int) -> Profile:
    names = [f"kernel{n}" for n in range(KERNELS)]
    return Profile(
        ("kernel", "layer", "cycles"),
        tuple((name, f"layer {n}", f"{n * seed:,}") for n, name in enumerate(names)),
        tuple(Span(name, n * 10, n * 10 + seed, ((n, n + 3),)) for n, name in enumerate(names)),
        "FIFOs",
        tuple(Fill(name, n, n + seed) for n, name in enumerate(names)),
        1000 + seed,
        (f"layer {seed}, again",),
    )


def points_of(count: int) -> tuple[list[Point], dict[int, Profile]]:
    base = Point(
        number=0, board="kv260", clock_mhz=200, mem_bytes=1024, dsp=1, lut=1000, max_drop=0.0,
        style="auto", status="feasible", plan_style="streaming", cycles=1000, bound_cycles=900,
        fps=2e5, bound_fps=2.2e5, latency_ms=0.1, used_mem_bytes=1000, used_dsp=1, used_lut=1,
        used_ff=1, decomposed=0, top1=0.9, message="",
    )  # fmt: skip
    points = [
        replace(
            base,
            number=number,
            mem_bytes=1024 * (1 + number % 25),
            dsp=100 * (1 + number // 25),
            fps=1000.0 + number,
            used_mem_bytes=1000 * (1 + number % 25),
            used_dsp=100 * (1 + number // 25),
            plan_style=("streaming", "sequential")[number % 2],
        )
        for number in range(count)
    ]
    nothing = {"fps": None, "status": "infeasible", "plan_style": None, "used_mem_bytes": None}
    points[1] = replace(points[1], **nothing, message="needs <b>more</b> memory")
    return points, {n: _profile(n) for n in range(count) if n != 1}


def page_of(count: int, network: str = "net") -> str:
    """A page of so many points; point 1 has no plan."""
    points, profiles = points_of(count)
    commands = {point.number: f"hwmap compile --point {point.number}" for point in points}
    return page(network, points, profiles, commands)


@contextmanager
def browser_of() -> Iterator[webdriver.Chrome]:
    """A headless browser."""
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER or ""
    for argument in ("--headless=new", "--no-sandbox", "--window-size=1000,1400"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()


def opened(browser: webdriver.Chrome, path: Path) -> None:
    """Opens a page, and waits until it is drawn."""
    browser.get(path.resolve().as_uri())
    assert soon(browser, "document.body.dataset.ready === 'yes'"), browser.get_log("browser")


def soon(browser: webdriver.Chrome, condition: str) -> bool:
    """Whether it holds before 20 seconds are over."""
    for _ in range(400):
        if browser.execute_script(f"return {condition}"):
            return True
        time.sleep(0.05)
    return False
