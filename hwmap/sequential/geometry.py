"""How the engine reads a source and writes a destination: what cycles and addresses follow from.

Tensors lie in the arena as (height, width, channels), without gaps. A window is read row by row, a
row in runs of adjacent bytes: where the kernel's columns are adjacent, K_w * C bytes at once.
"""

from dataclasses import dataclass

from hwmap.ir.types import Shape

Taps = tuple[tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True)
class Window:
    """The source as rows of bytes, and the bytes of one window.

    A window has `kernel_rows` rows, `row_step` source rows apart; in each row `runs` runs of
    `run_bytes` bytes, `run_step_bytes` apart. `groups` windows per pixel read `group_bytes`
    further each (grouped convolution). Vector ops read run by run, some channels at a time.
    Pads below 0 skip rows or bytes.
    """

    rows: int
    row_bytes: int
    kernel_rows: int
    row_step: int
    runs: int
    run_bytes: int
    run_step_bytes: int
    stride_rows: int
    stride_bytes: int
    pad_rows: int
    pad_bytes: int
    groups: int
    group_bytes: int


@dataclass(frozen=True)
class Destination:
    """Where results go: pixels `pixel_bytes` apart in a row, rows `row_bytes` apart, from
    `first_byte` of the tensor on; `channels` bytes each."""

    rows: int
    columns: int
    channels: int
    first_byte: int
    pixel_bytes: int
    row_bytes: int


@dataclass(frozen=True)
class Sweep:
    """One run of the engine's loop. `source` is the position of the input that it reads. `taps` are
    the kernel rows and columns whose weights it takes, in the order in which the window has them;
    `divisor` is the number of values of a mean, `factors` those of the first and of later terms."""

    window: Window
    destination: Destination
    source: int = 0
    taps: Taps = ((), ())
    divisor: int = 1
    factors: tuple[int, int] = (1, 1)


def whole(shape: Shape) -> Destination:
    """A tensor of this shape, all of it."""
    channels, height, width = shape
    return Destination(height, width, channels, 0, channels, width * channels)


def window_of(
    shape: Shape,
    kernel: tuple[int, int],
    *,
    strides: tuple[int, int] = (1, 1),
    pads: tuple[int, ...] = (0, 0),
    row_step: int = 1,
    runs: int = 1,
    run_bytes: int = 0,
    run_step_bytes: int = 0,
    groups: int = 1,
    group_bytes: int = 0,
) -> Window:
    """The windows of `kernel` on a source of this shape; `strides` and `pads` in pixels. Runs are
    of all channels unless `run_bytes` says otherwise."""
    channels, height, width = shape
    return Window(
        rows=height,
        row_bytes=width * channels,
        kernel_rows=kernel[0],
        row_step=row_step,
        runs=runs,
        run_bytes=run_bytes or channels,
        run_step_bytes=run_step_bytes,
        stride_rows=strides[0],
        stride_bytes=strides[1] * channels,
        pad_rows=pads[0],
        pad_bytes=pads[1] * channels,
        groups=groups,
        group_bytes=group_bytes,
    )
