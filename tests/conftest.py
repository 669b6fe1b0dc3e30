"""Fixtures: golden files, and the real networks where they are."""

from pathlib import Path

import pytest

from tests.networks import CASES, LONG_CASES, SHARED, Case, load_case

GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite tests/golden")


@pytest.fixture
def golden(request: pytest.FixtureRequest):
    """Compare text with a golden file."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update-golden"):
            path.write_text(text, "utf-8")
        assert text == path.read_text("utf-8"), f"{name}: run pytest --update-golden and review"

    return compare


def _param(name: str):
    """A network: all that is measured of it in one process, the largest with the long runs."""
    marks = [pytest.mark.xdist_group(name)]
    return pytest.param(name, marks=[*marks, pytest.mark.soak] if name in LONG_CASES else marks)


@pytest.fixture(params=map(_param, sorted(CASES)), scope="module")
def case(request: pytest.FixtureRequest) -> Case:
    """Each network with its data; the shared ones skip where they are not there."""
    name = request.param
    if CASES[name] != "example" and not SHARED.is_dir():
        pytest.skip("the shared networks are not here")
    return load_case(name)
