"""Range estimators: relative error of the outputs on images that were not calibrated on.

`+b`: with biases that make up for rounded weights. The last columns are what `hwmap quantize`
chooses, by this error.
"""

from collections.abc import Iterator

from tests.integer import integer_case
from tests.networks import ALL_CASES, SHARED


def run() -> Iterator[dict[str, object]]:
    """A row per network."""
    for name in ALL_CASES:
        if "qdq" in name or not (name == "digits" or SHARED.is_dir()):
            continue
        made = integer_case(name).quantized
        names = {
            scheme: f"{scheme.estimator}{' +b' * scheme.correct_bias}" for scheme in made.errors
        }
        yield {
            "network": name,
            **{names[scheme]: f"{error:.4f}" for scheme, error in made.errors.items()},
            "chosen": names[made.scheme],
        }
