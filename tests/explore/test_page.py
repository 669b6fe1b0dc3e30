"""The page of a sweep in a headless browser."""

import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hwmap.explore.page import page
from hwmap.explore.point import Point, pareto
from hwmap.profile import Fill, Profile, Span

selenium = pytest.importorskip("selenium")
from selenium import webdriver  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
needs_browser = pytest.mark.skipif(
    not (BROWSER and DRIVER), reason="install chromium and chromium-driver to try the page"
)
KERNELS, POINTS = 60, 500
MOST_BYTES = 5_000_000


def _profile(seed: int) -> Profile:
    names = [f"kernel{n}" for n in range(KERNELS)]
    return Profile(
        ("kernel", "layer", "cycles"),
        tuple((name, f"layer {n}", f"{n * seed:,}") for n, name in enumerate(names)),
        tuple(Span(name, n * 10, n * 10 + seed) for n, name in enumerate(names)),
        "FIFOs",
        tuple(Fill(name, n, n + seed) for n, name in enumerate(names)),
        1000 + seed,
    )


def _points(count: int) -> tuple[list[Point], dict[int, Profile]]:
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


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER or ""
    for argument in ("--headless=new", "--no-sandbox", "--window-size=1000,1400"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


def _open(browser: webdriver.Chrome, path: Path) -> None:
    browser.get(path.resolve().as_uri())
    assert _soon(browser, "document.body.dataset.ready === 'yes'"), browser.get_log("browser")


def _soon(browser: webdriver.Chrome, condition: str) -> bool:
    """Whether it holds before 20 seconds are over."""
    for _ in range(400):
        if browser.execute_script(f"return {condition}"):
            return True
        time.sleep(0.05)
    return False


def test_a_page_of_500_points_is_small_and_says_the_same_twice():
    points, profiles = _points(POINTS)
    commands = {point.number: f"hwmap compile --point {point.number}" for point in points}

    text = page("net </script><b>", points, profiles, commands)

    assert len(text.encode()) < MOST_BYTES
    assert text == page("net </script><b>", points, profiles, commands)
    assert "net </script>" not in text


@needs_browser
def test_a_click_shows_the_plan_of_a_point(browser: webdriver.Chrome, tmp_path: Path):
    points, profiles = _points(POINTS)
    commands = {point.number: f"hwmap compile --point {point.number}" for point in points}
    path = tmp_path / "report.html"
    path.write_text(page("net", points, profiles, commands), "utf-8")
    _open(browser, path)

    rows = browser.find_elements(By.CSS_SELECTOR, "#points tbody tr")
    assert len(rows) == POINTS
    chosen = browser.find_element(By.ID, "chosen")
    assert chosen.get_dom_attribute("data-point") == str(pareto(points)[-1])

    browser.execute_script("arguments[0].click()", rows[7])
    text = browser.find_element(By.ID, "chosen").text
    assert text.startswith("Point 7: 1,007 images/s")
    assert "hwmap compile --point 7" in text
    layers = browser.find_elements(By.CSS_SELECTOR, "#layers tbody tr")
    assert [cell.text for cell in layers[3].find_elements(By.TAG_NAME, "td")] == [
        "kernel3", "layer 3", "21",
    ]  # fmt: skip
    for figure in ("spans", "fills"):
        assert browser.find_elements(By.CSS_SELECTOR, f"#{figure} svg")

    browser.execute_script("document.querySelector('#points tr[data-point=\"1\"]').click()")
    assert "needs <b>more</b> memory" in browser.find_element(By.ID, "chosen").text
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


@needs_browser
def test_a_click_in_the_picture_and_filters(browser: webdriver.Chrome, tmp_path: Path):
    points, profiles = _points(50)
    path = tmp_path / "report.html"
    path.write_text(page("net", points, profiles, dict.fromkeys(range(50), "x")), "utf-8")
    _open(browser, path)

    browser.execute_script(
        "document.getElementById('front').emit('plotly_click', {points: [{customdata: 12}]})"
    )
    assert browser.find_element(By.ID, "chosen").text.startswith("Point 12:")
    select = browser.find_element(By.CSS_SELECTOR, "#filters select[name=dsp]")
    select.find_elements(By.TAG_NAME, "option")[2].click()
    assert len(browser.find_elements(By.CSS_SELECTOR, "#points tbody tr")) == 25
    browser.set_window_size(400, 800)
    assert _soon(browser, "document.documentElement.scrollWidth <= window.innerWidth")
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
