"""Integer networks: accuracy against float, and agreement of the reference with onnxruntime.

Calibrated on 64 images (fastestdet 32) that are not among the test images. Accuracy is top-1; of
fastestdet mAP@0.5, of the autoencoder the mean squared error. `same class` is the share of images
(fastestdet: of cells) that the reference and onnxruntime on the exported QDQ model put in one
class, every node as it stands and fused; the last column compares onnxruntime with itself: through
a whole network single levels grow where classes are close. `levels` is the largest difference of
any op from onnxruntime's, given the same integers, on two images; some values differ because
onnxruntime computes in float32. `by shifts` is the accuracy with scales that are powers of two.
"""

from collections.abc import Iterator

from hwmap.ladder import differences_by_op
from hwmap.quantize.choose import quantize_inputs, schemes_of
from tests.agreement import reference_outputs
from tests.integer import accuracy, integer_case, measure
from tests.networks import LARGE_CASES, SHARED

NETWORKS = (
    *(("resnet8_cifar10", source) for source in ("cifar10_test_exact", "cifar10_test_jpeg")),
    *(("resnet20_cifar10", source) for source in ("cifar10_test_exact", "cifar10_test_jpeg")),
    *(("resnet56_cifar10", source) for source in ("cifar10_test_exact", "cifar10_test_jpeg")),
    ("cnn_mnist", None),
    ("dscnn_kws", None),
    ("mobilenetv1_025_vww", None),
    *((name, None) for name in LARGE_CASES if name not in ("resnet20_cifar10", "resnet56_cifar10")),
)


def run() -> Iterator[dict[str, object]]:
    """A row per network and data set."""
    for name, source in NETWORKS if SHARED.is_dir() else ():
        case = integer_case(name, source=source)
        found = measure(case)
        levels = differences_by_op(case.integer, quantize_inputs(case.integer, case.few(2)))
        scheme = case.quantized.scheme
        how = (
            "as in the model"
            if scheme is None
            else scheme.estimator + ", bias corrected" * (scheme.correct_bias)
        )
        yield {
            "network": name + (" (JPEG)" if source == "cifar10_test_jpeg" else ""),
            "images": found.images,
            "ranges": how,
            "float": f"{found.float:.4f}",
            "int8": f"{found.integer:.4f}",
            "by shifts": _by_shifts(name, source),
            "same class": f"{found.same_as_plain:.2%}",
            "same class, fused": f"{found.same_as_fused:.2%}",
            "levels": max(largest for largest, _ in levels.values()),
            "values that differ": sum(count for _, count in levels.values()),
            "onnxruntime with itself": f"{found.plain_as_fused:.2%}",
        }


def _by_shifts(name: str, source: str | None) -> str:
    if "qdq" in name:
        return ""
    made = integer_case(name, schemes_of(scales="power-of-two"), source)
    outputs = reference_outputs(made.network, made.integer, made.inputs)
    return f"{accuracy(made.case, outputs):.4f}"
