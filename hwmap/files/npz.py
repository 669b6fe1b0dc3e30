"""Arrays in .npz files, the same bytes every time."""

import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from hwmap.ir.types import Array


def numbered_npz(arrays: Sequence[Array]) -> bytes:
    """`arrays` by number, because names of tensors are no file names; the same bytes every time."""
    buffer = io.BytesIO()
    np.savez(buffer, *arrays)
    return buffer.getvalue()


def named_npz(arrays: Mapping[str, Array]) -> bytes:
    """`arrays` by name, whatever the names are; the same bytes every time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, array in arrays.items():
            part = io.BytesIO()
            np.lib.format.write_array(part, np.asarray(array), allow_pickle=False)
            file.writestr(zipfile.ZipInfo(f"{name}.npy"), part.getvalue())
    return buffer.getvalue()


def unpack(content: bytes, names: Iterable[str]) -> dict[str, Array]:
    """The arrays that `numbered_npz` wrote, by these names."""
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return {name: arrays[f"arr_{number}"] for number, name in enumerate(names)}
