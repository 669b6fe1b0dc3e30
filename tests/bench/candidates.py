"""All candidates of a network, fitted and measured: time and peak memory, on two cores."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator

from hwmap.decompose.candidates import enumerate_candidates
from tests.bench.common import peak_gigabytes
from tests.decomposed import load_decomposable
from tests.networks import SHARED

NETWORKS = {
    "resnet20_cifar10": 512,
    "resnet56_cifar10": 512,
    "squeezenet11_imagenet": 128,
    "mobilenetv1_050_160_imagenet": 128,
    "fastestdet_coco": 64,
    "autoencoder_ad": 64,
}


def run() -> Iterator[dict[str, object]]:
    """A row per network, each in a process of its own."""
    for name in NETWORKS if SHARED.is_dir() else ():
        command = [sys.executable, "-m", "tests.bench.candidates", name]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        yield json.loads(done.stdout)


def _measure(name: str) -> dict[str, object]:
    made = load_decomposable(name, NETWORKS[name])
    calibration = made.calibration
    start = time.perf_counter()
    found = enumerate_candidates(made.source, calibration)
    seconds = time.perf_counter() - start
    several = [items for items in found.values() if len(items) > 1]
    return {
        "network": name,
        "ops": len(found),
        "decomposable": len(several),
        "candidates": sum(map(len, several)),
        "most of an op": max(map(len, several)),
        "seconds": f"{seconds:.0f}",
        "peak memory GB": f"{peak_gigabytes():.2f}",
    }


if __name__ == "__main__":
    print(json.dumps(_measure(sys.argv[1])))
