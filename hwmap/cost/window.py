"""How the engine reads an op's source: the geometry that cycles and addresses follow from.

Tensors lie in the arena as (height, width, channels), without gaps. A window is read row by row, a
row in runs of adjacent bytes: where the kernel's columns are adjacent, K_w * C bytes at once.
"""

from dataclasses import dataclass

from hwmap.ir.graph import Graph
from hwmap.ir.ops import Add, AveragePool, Conv, HardwareOp, MaxPool, is_depthwise


@dataclass(frozen=True)
class Window:
    """The source as rows of bytes, and the bytes of one window.

    A window has `kernel_rows` rows, `row_step` source rows apart; in each row `runs` runs of
    `run_bytes` bytes, `run_step_bytes` apart. `groups` windows per pixel read `group_bytes`
    further each (grouped convolution). Vector ops read run by run, some channels at a time.
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


def is_matrix(op: HardwareOp, graph: Graph) -> bool:
    """Whether `op` runs on the PE x SIMD array; else it runs on the vector lanes."""
    if not isinstance(op, Conv):
        return False
    return not is_depthwise(op, graph.shape(op.inputs[0])[0], graph.shape(op.output)[0])


def window_of(op: HardwareOp, graph: Graph) -> Window:
    """The window of `op`. A kernel as large as the map reads it as one run (linear layers)."""
    channels, height, width = graph.shape(op.inputs[0])
    match op:
        case Add():
            # Two runs of one pixel each: the step from one source to the other is the design's.
            return _window((channels, height, width), (1, 1), runs=2, run_bytes=channels)
        case MaxPool(kernel=kernel) | AveragePool(kernel=kernel):
            return _window(
                (channels, height, width),
                kernel,
                strides=op.strides,
                pads=op.pads,
                runs=kernel[1],
                run_bytes=channels,
                run_step_bytes=channels,
            )
        case Conv():
            rows, columns = graph.constants[op.weight].values.shape[2:]
    matrix = is_matrix(op, graph)
    whole_map = (rows, columns) == (height, width) and not any(op.pads)
    if matrix and whole_map and op.groups == 1:
        return _window((channels * height * width, 1, 1), (1, 1))
    merged = matrix and op.groups == 1 and op.dilations[1] == 1
    per_group = channels // op.groups if matrix else channels
    return _window(
        (channels, height, width),
        (rows, columns),
        strides=op.strides,
        pads=op.pads,
        row_step=op.dilations[0],
        runs=1 if merged else columns,
        run_bytes=columns * channels if merged else per_group,
        run_step_bytes=op.dilations[1] * channels,
        groups=op.groups if matrix else 1,
        group_bytes=per_group if matrix else 0,
    )


def _window(
    shape: tuple[int, int, int],
    kernel: tuple[int, int],
    *,
    strides: tuple[int, int] = (1, 1),
    pads: tuple[int, int, int, int] = (0, 0, 0, 0),
    row_step: int = 1,
    runs: int = 1,
    run_bytes: int = 0,
    run_step_bytes: int = 0,
    groups: int = 1,
    group_bytes: int = 0,
) -> Window:
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
