"""A board of PYNQ that is a simulator: what a driver of a project sees."""

import runpy
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

BASE = 0x1_2345_6000
"""Where the first buffer lies; the next ones follow."""


class Buffer(np.ndarray):
    """Memory that a DMA can reach."""

    physical_address = BASE

    def flush(self) -> None:
        """Nothing is cached."""

    invalidate = freebuffer = flush


class Registers:
    """The registers of the accelerator."""

    def __init__(self) -> None:
        self.CTRL = SimpleNamespace(AP_IDLE=1)
        self.written: dict[str, int] = {}

    def __setattr__(self, name: str, value: object) -> None:
        if name in ("CTRL", "written"):
            super().__setattr__(name, value)
        else:
            self.written[name] = value

    def address(self, name: str) -> int:
        """A pointer of 64 bits, in two registers."""
        return (self.written[f"{name}_2"] << 32) + self.written[f"{name}_1"]


class Driver:
    """host/driver.py of a project, with `overlay` for its bitstream; and the buffers that it
    allocated."""

    def __init__(self, overlay: object, monkeypatch: pytest.MonkeyPatch) -> None:
        self.buffers: list[np.ndarray] = []
        self._monkeypatch = monkeypatch
        pynq = ModuleType("pynq")
        pynq.Overlay, pynq.allocate = lambda _: overlay, self._allocate  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "pynq", pynq)

    def _allocate(self, shape: tuple[int, ...], dtype: type) -> np.ndarray:
        self.buffers.append(np.zeros(shape, dtype).view(Buffer))
        return self.buffers[-1]

    def run(self, project: Path, *directories: Path) -> int:
        """Its exit code."""
        arguments = ["driver.py", "hwmap.bit", *map(str, directories)]
        self._monkeypatch.setattr(sys, "argv", arguments)
        with pytest.raises(SystemExit) as end:
            runpy.run_path(str(project / "host/driver.py"), run_name="__main__")
        assert end.value.code is None or isinstance(end.value.code, int), end.value.code
        return int(end.value.code or 0)
