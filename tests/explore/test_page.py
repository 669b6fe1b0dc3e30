"""The page of a sweep in a headless browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from hwmap.explore.point import pareto
from tests.explore.pages import BROWSER, DRIVER, browser_of, opened, page_of, points_of, soon

needs_browser = pytest.mark.skipif(
    not (BROWSER and DRIVER), reason="install chromium and chromium-driver to try the page"
)
POINTS = 500
MOST_BYTES = 5_000_000


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    with browser_of() as driver:
        yield driver


def test_a_page_of_500_points_is_small_and_says_the_same_twice():
    text = page_of(POINTS, "net </script><b>")

    assert len(text.encode()) < MOST_BYTES
    assert text == page_of(POINTS, "net </script><b>")
    assert "net </script>" not in text


@needs_browser
def test_a_click_shows_the_plan_of_a_point(browser: webdriver.Chrome, tmp_path: Path):
    path = tmp_path / "report.html"
    path.write_text(page_of(POINTS), "utf-8")
    opened(browser, path)

    rows = browser.find_elements(By.CSS_SELECTOR, "#points tbody tr")
    assert len(rows) == POINTS
    chosen = browser.find_element(By.ID, "chosen")
    assert chosen.get_dom_attribute("data-point") == str(pareto(points_of(POINTS)[0])[-1])

    browser.execute_script("arguments[0].click()", rows[7])
    text = browser.find_element(By.ID, "chosen").text
    assert text.startswith("Point 7: 1,007 images/s")
    assert "hwmap compile --point 7" in text
    layers = browser.find_elements(By.CSS_SELECTOR, "#layers tbody tr")
    assert [cell.text for cell in layers[3].find_elements(By.TAG_NAME, "td")] == [
        "kernel3", "layer 3", "21",
    ]  # fmt: skip
    for figure in ("spans", "fills"):
        assert soon(browser, f"document.querySelector('#{figure} svg') !== null")
    assert soon(browser, "document.querySelector('#notes li') !== null")
    assert browser.find_element(By.CSS_SELECTOR, "#notes li").text == "layer 7, again"
    shown = browser.find_element(By.ID, "spans").text
    assert "DRAM" in shown

    browser.execute_script("document.querySelector('#points tr[data-point=\"1\"]').click()")
    assert "needs <b>more</b> memory" in browser.find_element(By.ID, "chosen").text
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


@needs_browser
def test_a_click_in_the_picture_and_filters(browser: webdriver.Chrome, tmp_path: Path):
    path = tmp_path / "report.html"
    path.write_text(page_of(50), "utf-8")
    opened(browser, path)

    browser.execute_script(
        "document.getElementById('front').emit('plotly_click', {points: [{customdata: 12}]})"
    )
    assert browser.find_element(By.ID, "chosen").text.startswith("Point 12:")
    select = browser.find_element(By.CSS_SELECTOR, "#filters select[name=dsp]")
    select.find_elements(By.TAG_NAME, "option")[2].click()
    assert len(browser.find_elements(By.CSS_SELECTOR, "#points tbody tr")) == 25
    browser.set_window_size(400, 800)
    assert soon(browser, "document.documentElement.scrollWidth <= window.innerWidth")
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
