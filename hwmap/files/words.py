"""Tensors and trained numbers as the bytes that accelerators read and write."""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from hwmap.ir.types import Array, Integers

CHANNEL_BYTES = 8
"""Of what the results of a channel become an output with: a bias of 32 bits, a multiplier of 24 and
a shift of 8 (`hls/hwmap/channel.hpp`)."""


def tensor_bytes(names: Iterable[str], tensors: Mapping[str, Array]) -> bytes:
    """`tensors` (N, C, H, W) image by image: the tensors in the order of `names`, each as (height,
    width, channels)."""
    parts = [
        tensors[name].astype(np.int8).transpose(0, 2, 3, 1).reshape(len(tensors[name]), -1)
        for name in names
    ]
    return np.concatenate(parts, axis=1).tobytes()


def channel_bytes(bias: Integers, multipliers: Integers, shifts: Integers) -> NDArray[np.int8]:
    """Bias, multiplier and shift of each channel as bytes (channels, CHANNEL_BYTES)."""
    fields = np.zeros((len(bias), 2), "<u4")
    fields[:, 0] = bias.astype(np.int32).view(np.uint32)
    fields[:, 1] = multipliers | (shifts << 24)
    return np.frombuffer(fields.tobytes(), np.int8).reshape(-1, CHANNEL_BYTES)


def channel_fields(channels: NDArray[np.int8]) -> tuple[Integers, Integers, Integers]:
    """Bias, multiplier and shift of each channel, from the bytes of `channel_bytes`."""
    fields = np.frombuffer(channels.tobytes(), "<u4").reshape(-1, 2)
    packed = fields[:, 1].astype(np.int64)
    bias = fields[:, 0].astype(np.uint32).view(np.int32).astype(np.int64)
    return bias, packed & 0xFFFFFF, packed >> 24
