"""The first rung of the ladder: the imported float network is the model, op by op.

onnxruntime runs every node as it stands. Each op of ours reads what onnxruntime has for its inputs,
so that neither roundings nor faults add up, and what it writes is compared with onnxruntime's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwmap.data.dataset import as_given
from hwmap.frontend.runtime import Session, has_half, with_tensors
from hwmap.ir.evaluate import evaluate_float, on_grid, products
from hwmap.ir.graph import Graph
from hwmap.ir.ops import Add, Affine, Conv, ConvTranspose, Linear, Op, Resize
from hwmap.ir.types import Array, Quant
from hwmap.rung import Rung

TOLERANCE = 1e-5
"""Largest difference between two float32 evaluations of an op, relative to the largest sum of the
magnitudes that it adds up (measured on the shared networks: up to 6e-7)."""
HALF_TOLERANCE = 2.0**-9
"""The same where onnxruntime rounds to float16 (2^-11) after each of the few nodes of an op."""


@dataclass(frozen=True)
class _Known:
    """A tensor (1, C, H, W), and the largest sum of magnitudes since onnxruntime's values."""

    values: Array
    magnitude: float


def import_rung(path: Path, whole: Graph, images: Mapping[str, Array]) -> Rung:
    """onnxruntime on the model ~ the imported network `whole`, on `images` (N, C, H, W)."""
    tolerance = HALF_TOLERANCE if has_half(path) else TOLERANCE
    session = Session(with_tensors(path, [op.output for op in whole.ops]))
    worst, at, compared = 0.0, "", set()
    for index in range(len(next(iter(images.values())))):
        image = {name: values[index : index + 1] for name, values in images.items()}
        theirs = session.run_image(as_given(whole, image), 0)
        for name, excess in _excesses(whole, image, theirs):
            compared.add(name)
            if not excess <= worst:
                worst, at = excess, name
    return Rung(
        "imported float network ~ onnxruntime, op by op",
        worst <= tolerance,
        f"{len(compared)} tensors; largest relative difference {worst:.1e}"
        f"{f' (tensor {at!r})' if worst > tolerance else ''}, at most {tolerance:.0e}",
    )


def _excesses(
    graph: Graph, image: Mapping[str, Array], theirs: Mapping[str, Array]
) -> list[tuple[str, float]]:
    """For every tensor of `graph` that is in `theirs` too: its name, and its largest difference,
    relative to what its op adds up. A rounded value may be any that the difference could round
    to."""
    known = {}
    for name, values in image.items():
        rounded = on_grid(values, graph.tensors[name].grid)
        known[name] = _Known(rounded, _largest(rounded))
    found = []
    for op in graph.ops:
        sources = [known[name] for name in op.inputs]
        with np.errstate(over="ignore", invalid="ignore"):
            ours = evaluate_float(op, graph, [source.values for source in sources])
            magnitude = max(_magnitude(op, graph, sources), _largest(ours))
        tensor = graph.tensors[op.output]
        quant = tensor.grid or tensor.given
        if not _is_real(theirs.get(op.output), quant):
            inherited = max(source.magnitude for source in sources)
            known[op.output] = _Known(on_grid(ours, tensor.grid), max(magnitude, inherited))
            continue
        values = _values(theirs[op.output], quant).reshape(ours.shape)
        found.append((op.output, _excess(ours, values, tensor.grid) / max(magnitude, 1e-30)))
        # A grid may stand further on in the model: what is only moved is rounded before that.
        rounded = on_grid(values, tensor.grid)
        known[op.output] = _Known(rounded, _largest(rounded))
    return found


def _is_real(theirs: Array | None, quant: Quant | None) -> bool:
    """Whether onnxruntime has the tensor, and it is known what its integers stand for."""
    return theirs is not None and (theirs.dtype.kind == "f" or quant is not None)


def _values(theirs: Array, quant: Quant | None) -> Array:
    """What onnxruntime has for a tensor; integers, also those of the other signedness, as the
    values that they stand for."""
    if theirs.dtype.kind not in "iu" or quant is None:
        return theirs.astype(np.float32)
    moved = theirs.dtype.kind == "u" and quant.signed
    offset = 1 << (quant.width_bits - 1) if moved else 0
    return quant.dequantize(theirs.astype(np.int64) - offset).astype(np.float32)


def _excess(ours: Array, theirs: Array, grid: Quant | None) -> float:
    """The largest difference; on a grid, beyond what rounds to them."""
    room = 0.0
    if grid is not None:
        ours, room = np.clip(ours, *grid.range), grid.scalar_scale / 2
    same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    with np.errstate(invalid="ignore"):
        difference = np.abs(ours.astype(np.float64) - theirs) - room
    return float(np.where(same, 0, difference).max(initial=0))


def _magnitude(op: Op, graph: Graph, sources: list[_Known]) -> float:
    """The largest sum of magnitudes that a value of `op` is; 0 where it adds nothing up."""

    def constant(name: str) -> Array:
        return np.abs(graph.constants[name].values.astype(np.float32))

    x = np.abs(sources[0].values)
    match op:
        case Conv() | ConvTranspose():
            sums = products(x, constant(op.weight), op) + constant(op.bias)[:, None, None]
        case Linear():
            sums = x[:, :, 0, 0] @ constant(op.weight).T + constant(op.bias)
        case Affine():
            scale, shift = constant(op.scale), constant(op.shift)
            if scale.ndim == 1:
                scale, shift = scale[:, None, None], shift[:, None, None]
            sums = x * scale + shift
        case Add():
            sums = x + np.abs(sources[1].values)
        case Resize():
            sums = constant(op.rows) @ x @ constant(op.columns).T
        case _:
            return 0.0
    return _largest(sums)


def _largest(values: Array) -> float:
    return float(np.abs(values[np.isfinite(values)]).max(initial=0))
