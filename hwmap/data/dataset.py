"""Data files: .npz with `x` (N, then the model's input shape), and optional labels `y` (N,)."""

import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from hwmap.data.recipe import Recipe
from hwmap.errors import DataError
from hwmap.ir.graph import Graph
from hwmap.ir.types import Array, Tensor

# What numpy and zipfile raise for damaged, encrypted or compressed files, and objects in them.
UNREADABLE = (
    OSError,
    ValueError,
    EOFError,
    KeyError,
    TypeError,
    RuntimeError,
    MemoryError,
    OverflowError,
    NotImplementedError,
    BadZipFile,
    zlib.error,
    struct.error,
)
LARGEST = 1e30
"""Values beyond it overflow the network's sums in float32."""


@dataclass(frozen=True, eq=False)
class DataSet:
    """Images for every graph input (N, C, H, W) float32, and labels (N,) if the file has them.
    `synthetic`: there was no file, they are random."""

    inputs: dict[str, NDArray[np.float32]]
    labels: NDArray[np.int64] | None
    synthetic: bool = False

    @property
    def count(self) -> int:
        """How many images."""
        return len(next(iter(self.inputs.values())))

    def first(self, count: int) -> "DataSet":
        """The first `count` images."""
        inputs = {name: values[:count] for name, values in self.inputs.items()}
        labels = None if self.labels is None else self.labels[:count]
        return DataSet(inputs, labels, self.synthetic)

    def rest(self, count: int) -> "DataSet":
        """All but the first `count` images."""
        inputs = {name: values[count:] for name, values in self.inputs.items()}
        labels = None if self.labels is None else self.labels[count:]
        return DataSet(inputs, labels, self.synthetic)


def load_data(path: Path, graph: Graph, recipe: Recipe | None = None) -> DataSet:
    """The data in `path` for `graph`, as the model takes it or, with a `recipe`, as images. With
    several inputs each is found under its own name. Integers that the model takes become the values
    that they stand for.

    Raises:
        DataError: no such file, no .npz, a missing key, a wrong shape, NaN, or labels that do not
            fit.
    """
    arrays = _read(path)
    keys = {"x": graph.inputs[0]} if len(graph.inputs) == 1 else {n: n for n in graph.inputs}
    inputs = {}
    for key, name in keys.items():
        if key not in arrays:
            found = ", ".join(sorted(arrays)) or "nothing"
            raise DataError(f"{path}: array '{key}' (the images) is missing; found {found}")
        what = f"{path}: '{key}'"
        array = arrays[key]
        # Of several inputs, a recipe is for the images.
        tensor = graph.tensors[name]
        if recipe is not None and (len(keys) == 1 or _is_images(array)):
            array = recipe.apply(array, what)
            array = tensor.to_host(_shaped(array, what, tensor.shape, ()))
        images = tensor.from_host(_host_images(array, what, tensor))
        inputs[name] = _values(images, what, tensor)
    counts = {len(values) for values in inputs.values()}
    if len(counts) != 1:
        raise DataError(f"{path}: the inputs have different numbers of images: {sorted(counts)}")
    labels = arrays.get("y")
    if labels is None:
        return DataSet(inputs, None)
    count = counts.pop()
    if labels.shape != (count,) or labels.dtype.kind not in "iu":
        raise DataError(
            f"{path}: 'y' has shape {labels.shape} of {labels.dtype}; expected one whole number for"
            f" each of the {count} images"
        )
    return DataSet(inputs, labels.astype(np.int64))


def _values(images: NDArray[np.float32], what: str, tensor: Tensor) -> NDArray[np.float32]:
    """What the integers that the model takes stand for; floats as they are."""
    given = tensor.given
    if tensor.half:
        return images.astype(np.float16).astype(np.float32)
    if given is None:
        return images
    if images.min() < given.low or images.max() > given.high or (images % 1).any():
        raise DataError(
            f"{what} holds other values than the integers {given.low} to {given.high} that the"
            " model takes"
        )
    return given.dequantize(images.astype(np.int64)).astype(np.float32)


def as_given(graph: Graph, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """`inputs` as the model takes them: in its order and shape, integers or float16 where those are
    its types."""
    return {name: _as_given(values, graph.tensors[name]) for name, values in inputs.items()}


def _as_given(values: Array, tensor: Tensor) -> Array:
    ordered = tensor.to_host(values)
    if tensor.given is not None:
        return tensor.given.quantize(ordered)
    return ordered.astype(np.float16) if tensor.half else ordered


def _read(path: Path) -> dict[str, Array]:
    try:
        if not path.is_file():
            raise DataError(f"{path}: no such file; expected an .npz with the array 'x'")
        # numpy leaves a file open that it opened itself and cannot read.
        with path.open("rb") as stream:
            file = np.load(stream, allow_pickle=False)
            if isinstance(file, np.ndarray):
                raise DataError(f"{path}: holds one array; expected an .npz with the array 'x'")
            return {key: np.asarray(file[key]) for key in file.files}
    except UNREADABLE as error:
        kind = type(error).__name__
        raise DataError(f"{path}: not a readable .npz ({kind}); save it with np.savez") from error


def _is_images(array: Array) -> bool:
    return array.ndim in (3, 4) and array.dtype.kind in "iu"


def _host_images(array: Array, what: str, tensor: Tensor) -> NDArray[np.float32]:
    """`array` as the images (N, values) that the model takes."""
    ordered = [(1, *tensor.shape)[axis] for axis in tensor.host_axes or (0, 1, 2, 3)][1:]
    return _shaped(array, what, ordered, tensor.host_shape[1:])


def _shaped(
    array: Array, what: str, shape: Sequence[int], outer: Sequence[int]
) -> NDArray[np.float32]:
    """`array` as (N, *shape) float32. It may have fewer axes, or be in the shape `outer` with as
    many values (a Reshape at the input)."""
    wanted = int(np.prod(shape))
    if array.dtype.kind not in "fiu":
        raise DataError(f"{what} holds {array.dtype}; expected numbers as the model takes them")
    trailing = [size for size in array.shape[1:] if size != 1]
    expected = [size for size in shape if size != 1]
    if array.ndim and len(array) == 0:
        raise DataError(f"{what} has no images")
    fits = trailing in (expected, [wanted]) or array.shape[1:] == tuple(outer)
    if array.ndim < 2 or not fits:
        sizes = ", ".join(map(str, outer or shape))
        raise DataError(f"{what} has shape {array.shape}; expected (N, {sizes})")
    if not np.isfinite(array).all():
        raise DataError(f"{what} holds NaN or infinite values")
    if np.abs(array.astype(np.float64)).max() > LARGEST:
        raise DataError(f"{what} holds values beyond {LARGEST:g}")
    return array.astype(np.float32).reshape(len(array), *shape)
