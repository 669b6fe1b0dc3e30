"""Fixtures: golden files, and the real networks where they are."""

from pathlib import Path

import pytest

from tests.networks import CASES, SHARED, Case, load_case

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


@pytest.fixture(params=sorted(CASES), scope="module")
def case(request: pytest.FixtureRequest) -> Case:
    """Each network with its data; the shared ones skip where they are not there."""
    name = request.param
    if CASES[name] != "example" and not SHARED.is_dir():
        pytest.skip("the shared networks are not here")
    return load_case(name)
