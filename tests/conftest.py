"""Fixtures: golden files, and the real networks where they are. Which tests share a process."""

import os
import signal
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.networks import CASES, LONG_CASES, SHARED, Case, load_case

# A shell ignores Ctrl-C for what it runs in the background, and tests of Ctrl-C inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
GOLDEN = Path(__file__).parent / "golden"
# Small designs take longer to compile with -O3, which projects ask for, than to run.
os.environ.setdefault(
    "CXXFLAGS", "-O1 -std=c++14 -Wall -Wextra -Wno-unknown-pragmas -Wno-unused-label"
)


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


ALONE = {
    "tests/explore/test_explore.py": "",
    "tests/test_decompose.py": "digits",
    "tests/test_examples.py": "digits",
    "tests/test_cli.py": "",
    "tests/test_decompose_networks.py": "",
    "tests/test_cli_data.py": "",
    "tests/sequential/test_engine.py": "",
    "tests/sequential/test_hls.py": "",
    "tests/sequential/test_simulate.py": "",
}
"""Modules whose tests share what is expensive to prepare, and run in one process: with others under
a name, or alone."""


def _together(nodeid: str) -> str:
    """What a test runs in one process with. (xdist's own groups need a pytest below 9.2.)"""
    module, _, name = nodeid.partition("::")
    if module == "tests/test_networks.py":
        return name.partition("[")[2].partition("-")[0]
    return (ALONE[module] or module) if module in ALONE else nodeid


class _Scheduling(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return _together(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> _Scheduling:
    return _Scheduling(config, log)


def _param(name: str):
    """A network; the largest with the long runs."""
    return pytest.param(name, marks=[pytest.mark.soak] if name in LONG_CASES else [])


@pytest.fixture(params=map(_param, sorted(CASES)), scope="module")
def case(request: pytest.FixtureRequest) -> Case:
    """Each network with its data; the shared ones skip where they are not there."""
    name = request.param
    if CASES[name] != "example" and not SHARED.is_dir():
        pytest.skip("the shared networks are not here")
    return load_case(name)
