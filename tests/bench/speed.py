"""Speed of the integer reference, the simulator and the compiled C++ on the same images.

GMAC/s on this machine; the ratios are of one run.
"""

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

import hwmap
from hwmap.ir.evaluate import evaluate
from hwmap.quantize.choose import quantize_inputs
from hwmap.sequential.simulate import simulate
from tests.bench.common import cases, save_data, temporary

IMAGES = 10
REPEAT = 3


def run() -> Iterator[dict[str, object]]:
    """A row per network."""
    for case in cases():
        with temporary() as directory:
            calib, test = save_data(case, directory)
            build = Path(directory) / "build"
            result = hwmap.compile(case.model, "pynq-z2", build, calib=calib, test_data=test)
            compiled = result.compiled
            name = compiled.graph.inputs[0]
            images = case.images[:IMAGES].reshape(-1, *compiled.graph.shape(name))
            inputs = quantize_inputs(compiled.graph, {name: images.astype(np.float32)})
            subprocess.run(["make", "-C", build, "bin/csim"], check=True, capture_output=True)
            reference = _best(evaluate, compiled.graph, inputs)
            simulated = _best(simulate, compiled.design, inputs)
            emitted = _best(subprocess.check_output, [build / "bin" / "csim", build])
        giga_macs = compiled.design.macs * IMAGES / 1e9
        yield {
            "network": case.name,
            "reference GMAC/s": f"{giga_macs / reference:.2f}",
            "simulator GMAC/s": f"{giga_macs / simulated:.2f}",
            "C++ GMAC/s": f"{giga_macs / emitted:.2f}",
            "simulator / reference": f"{simulated / reference:.1f}x",
            "C++ / reference": f"{emitted / reference:.1f}x",
        }


def _best(work: Callable[..., object], *arguments: object) -> float:
    """The least seconds of a few runs of `work`."""
    seconds = []
    for _ in range(REPEAT):
        start = time.perf_counter()
        work(*arguments)
        seconds.append(time.perf_counter() - start)
    return min(seconds)
