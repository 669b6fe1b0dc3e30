"""Import, and the integer reference on one large batch: speed, against onnxruntime, and memory.

Each network in a process of its own, on two cores; `import` is the file and all passes. The memory
is the process's peak, with libraries and images, after the reference and before onnxruntime ran.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator

from hwmap.frontend.export import export_integer
from hwmap.frontend.runtime import Session
from hwmap.inference import load_network
from hwmap.ir.evaluate import evaluate
from hwmap.ir.graph import total_macs
from hwmap.passes import device_part
from hwmap.quantize.choose import SCHEMES, quantize_graph, quantize_inputs
from tests.bench.common import peak_gigabytes
from tests.integer import real_inputs
from tests.networks import SHARED, load_case

NETWORKS = (
    "resnet20_cifar10",
    "resnet56_cifar10",
    "mobilenetv1_050_160_imagenet",
    "squeezenet11_imagenet",
    "fastestdet_coco",
)
IMAGES = 64


def run() -> Iterator[dict[str, object]]:
    """A row per network."""
    for name in NETWORKS if SHARED.is_dir() else ():
        command = [sys.executable, "-m", "tests.bench.reference", name]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        yield json.loads(done.stdout)


def _measure(name: str) -> dict[str, object]:
    case = load_case(name)
    start = time.perf_counter()
    network = load_network(case.model)
    imported = time.perf_counter() - start
    images = case.images[:IMAGES]
    del case
    inputs = real_inputs(network, images)
    few = {key: values[:4] for key, values in inputs.items()}
    graph = quantize_graph(device_part(network.whole), few, SCHEMES[:1]).graph
    integers = quantize_inputs(graph, inputs)
    start = time.perf_counter()
    evaluate(graph, integers)
    seconds = time.perf_counter() - start
    memory = peak_gigabytes()
    session = Session(export_integer(graph), optimized=True)
    ((key, shape),) = session.shapes.items()
    start = time.perf_counter()
    for image in inputs[key]:
        session.run({key: image.reshape(shape)})
    theirs = time.perf_counter() - start
    giga = total_macs(network.whole) * len(images) / 1e9
    return {
        "network": name,
        "import s": f"{imported:.2f}",
        "images": len(images),
        "reference GMAC/s": f"{giga / seconds:.1f}",
        "onnxruntime int8 GMAC/s": f"{giga / theirs:.1f}",
        "reference / onnxruntime time": f"{seconds / theirs:.1f}x",
        "peak memory GB": f"{memory:.2f}",
    }


if __name__ == "__main__":
    print(json.dumps(_measure(sys.argv[1])))
