"""A Design as the files of a project: {path: content}. Same design, same bytes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import assert_never

import jinja2

from hwmap.files.resources import data_directory, one_line, used_headers
from hwmap.streaming import units
from hwmap.streaming.design.constants import chain_bytes
from hwmap.streaming.design.types import Constants, Design
from hwmap.streaming.hls.params import Table, function_name, params_of, tables_of
from hwmap.streaming.layout import Layout
from hwmap.streaming.network import Kernel
from hwmap.streaming.pick import Pick
from hwmap.streaming.plan import STYLE
from hwmap.streaming.units import (
    Unit,
    sources_of,
    targets_of,
)
from hwmap.streaming.vectors import images_per_start, port_bytes

TOP = "hwmap_top"
CHAIN_BYTES = 4
FEED_ALIGNMENT = 64
TEMPLATE_FOLDER = data_directory("templates")
TEMPLATES = {
    "hls/params.hpp": "params.hpp.j2",
    "hls/kernels.hpp": "kernels.hpp.j2",
    "hls/top.hpp": "top.hpp.j2",
    "hls/top.cpp": "top.cpp.j2",
    "hls/testbench.cpp": "testbench.cpp.j2",
    "hls/kernel_bench.cpp": "kernel_bench.cpp.j2",
    "host/driver.py": "driver.py.j2",
    "Makefile": "Makefile.j2",
    "vitis_hls.tcl": "vitis_hls.tcl.j2",
}


@dataclass(frozen=True)
class Memory:
    """An array of a kernel: its name, how it is declared, what it is bound to, whether it is
    loaded, and which of its dimensions are words, or memories of their own."""

    name: str
    sizes: str
    impl: str
    loaded: bool
    reshaped: int
    partitioned: int
    type: str = "std::int8_t"


@dataclass(frozen=True)
class KernelText:
    """A kernel as C++."""

    function: str
    comment: str
    params: tuple[tuple[str, str], ...]
    functions: tuple[tuple[str, str, str], ...]
    tables: tuple[Table, ...]
    memories: tuple[Memory, ...]
    numbers: bool
    last: bool
    rest_words: int
    call: str
    arguments: tuple[str, ...]
    passed: tuple[str, ...]
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    stages: int
    header: str


@dataclass(frozen=True)
class StreamText:
    """A FIFO as C++."""

    name: str
    type: str
    depth: int
    tensor: str
    writer: int
    reader: int


@dataclass(frozen=True)
class PortText:
    """A port of the top function, and the tensor that goes through it."""

    name: str
    bytes: int
    tensor: str
    layout: Layout


@dataclass(frozen=True)
class FeedText:
    """A pointer of the top function to weights in DRAM, `words` of `bytes` each; they begin at so
    many bytes of constants.bin."""

    name: str
    bytes: int
    words: int
    offset: int


def render(design: Design) -> dict[str, str | bytes]:
    """Every file of the project but the plan and the test vectors."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([TEMPLATE_FOLDER / STYLE, TEMPLATE_FOLDER]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    kernels = design.network.kernels
    loads = [
        chain_bytes(design.constants[number], CHAIN_BYTES) if number in design.constants else b""
        for number in range(len(kernels))
    ]
    rest = [sum(map(len, loads[number + 1 :])) // CHAIN_BYTES for number in range(len(kernels))]
    chained = sorted(design.constants)
    ports = {
        kernel.name: f"{kernel.name}_port"
        for kernel in kernels
        if isinstance(kernel.unit, units.Source | units.Sink)
    }
    feeds, fed = _feeds(design, sum(map(len, loads)))
    texts = tuple(
        _kernel_text(number, kernel, design, ports, chained, rest[number])
        for number, kernel in enumerate(kernels)
    )
    context = {
        "name": one_line(design.name),
        "board": one_line(design.board),
        "part": design.part,
        "clock_mhz": design.clock_mhz,
        "clock_ns": f"{1000 / design.clock_mhz:.3f}",
        "timed": "kernel",
        "top": TOP,
        "kernels": texts,
        "benches": tuple(text for text in texts if text.header != "ports"),
        "headers": tuple(sorted({text.header for text in texts} | {"chain"})),
        "streams": tuple(
            StreamText(
                stream.name,
                f"{stream.name.capitalize()}",
                depth,
                one_line(stream.tensor),
                stream.writer,
                stream.reader,
            )
            for stream, depth in zip(design.network.streams, design.depths, strict=True)
        ),
        "stream_bytes": tuple(stream.layout.word_bytes for stream in design.network.streams),
        "inputs": tuple(_ports(kernels, units.Source, ports)),
        "outputs": tuple(_ports(kernels, units.Sink, ports)),
        "chain_links": max(len(chained), 1),
        "chain_words": sum(map(len, loads)) // CHAIN_BYTES,
        "dram_words": max(sum(map(len, loads)) // CHAIN_BYTES, 1),
        "feeds": feeds,
        "images_per_start": images_per_start(design),
    }
    files: dict[str, str | bytes] = {
        path: environment.get_template(name).render(context) for path, name in TEMPLATES.items()
    }
    sources = (str(text) for path, text in files.items() if path.startswith("hls/"))
    files |= {f"hls/{path}": text for path, text in used_headers(sources, STYLE).items()}
    files["constants.bin"] = b"".join(loads) + fed
    return files


def _feeds(design: Design, start: int) -> tuple[tuple[FeedText, ...], bytes]:
    """The weights that come from DRAM for every image, and their bytes: those of a kernel begin on
    a multiple of FEED_ALIGNMENT bytes of constants.bin, of which `start` are before them."""
    found, text = [], b""
    for kernel in design.network.kernels:
        if isinstance(kernel.unit, units.Feed):
            text += bytes(-(start + len(text)) % FEED_ALIGNMENT)
            reader = design.network.streams[kernel.writes[0]].reader
            at = start + len(text)
            found.append(FeedText(_dram(kernel), kernel.unit.word_bytes, kernel.unit.words, at))
            text += design.constants[reader].weights.tobytes()
    return tuple(found), text


def _dram(kernel: Kernel) -> str:
    return f"{kernel.name}_dram"


def _ports(
    kernels: Iterable[Kernel], kind: type[Unit], names: dict[str, str]
) -> Iterator[PortText]:
    for kernel in kernels:
        if isinstance(kernel.unit, kind):
            layout = (*sources_of(kernel.unit), *targets_of(kernel.unit))[0]
            name = names[kernel.name]
            yield PortText(name, port_bytes(layout), one_line(kernel.source), layout)


def _kernel_text(
    number: int,
    kernel: Kernel,
    design: Design,
    ports: dict[str, str],
    chained: list[int],
    rest: int,
) -> KernelText:
    unit = kernel.unit
    constants = design.constants.get(number)
    has_chain = constants is not None
    link = chained.index(number) if has_chain else 0
    last = has_chain and link == len(chained) - 1
    memories = tuple(_memories(unit, constants))
    streams = (*kernel.reads, *kernel.writes)
    names = [design.network.streams[stream].name for stream in streams]
    types = [f"{name.capitalize()}& {name}" for name in names]
    passed = list(names)
    if kernel.name in ports:
        types.append(f"Port<{port_bytes((*sources_of(unit), *targets_of(unit))[0])}>& port")
        passed.append(ports[kernel.name])
    if isinstance(unit, units.Feed):
        types.insert(0, f"const hwmap::Bytes<{unit.word_bytes}>* dram")
        passed.insert(0, _dram(kernel))
    if has_chain:
        types.insert(0, "Chain& chain")
        passed.insert(0, f"chain{link}")
        if not last:
            types.insert(1, "Chain& rest")
            passed.insert(1, f"chain{link + 1}")
    params, functions = params_of(kernel, constants, design)
    return KernelText(
        function=function_name(kernel),
        comment=f"'{one_line(kernel.source)}': {_described(unit)}, {kernel.schedule.trips} trips",
        params=tuple(params.items()),
        functions=functions,
        tables=tables_of(unit),
        memories=memories,
        numbers=has_chain,
        last=last or not has_chain,
        rest_words=rest,
        call=_call(unit, kernel, names, memories),
        arguments=tuple(types),
        passed=tuple(passed),
        reads=tuple(
            name for name in passed if name in {f"chain{link}", *names[: len(kernel.reads)]}
        ),
        writes=tuple(
            name for name in passed if name in {f"chain{link + 1}", *names[len(kernel.reads) :]}
        ),
        stages=kernel.schedule.depth,
        header=_header(unit),
    )


def _header(unit: Unit) -> str:
    match unit:
        case units.Matrix():
            return "matrix"
        case units.Lanes():
            return "lanes"
        case units.Source() | units.Feed() | units.Sink():
            return "ports"
        case units.Fork() | units.Gearbox() | units.Regroup() | units.Relabel() | units.Concat():
            return "movement"
        case Pick():
            return "pick"
        case units.Reduce() | units.Join() | units.Scale() | units.Table():
            return "pointwise"
        case _:
            assert_never(unit)


def _described(unit: Unit) -> str:
    """A kernel in a few words."""
    match unit:
        case units.Matrix(window=window):
            rows, columns = window.kernel
            pixels = f", {window.pixels} pixels" if window.pixels > 1 else ""
            return (
                f"{rows} x {columns} convolution, PE={unit.target.lanes} SIMD={unit.simd}{pixels}"
            )
        case units.Lanes(window=window):
            rows, columns = window.kernel
            kind = {"depthwise": "depthwise convolution", "max": "max pool", "average": "average"}
            return f"{rows} x {columns} {kind[unit.kind]}, {unit.target.word_bytes} lanes"
        case units.Feed():
            return f"weights from DRAM, {unit.word_bytes} bytes"
        case units.Gearbox():
            return f"{unit.source.lanes} to {unit.lanes} lanes"
        case units.Regroup():
            return f"{unit.source.pixels} to {unit.pixels} pixels"
        case units.Fork():
            return f"to {unit.copies} readers"
        case units.Relabel():
            return f"the same {unit.source.word_bytes} lanes, in another shape"
        case Pick():
            what = "blend of two neighbours" if unit.picked.factors else "selection"
            return f"{what}, {unit.target.word_bytes} lanes"
        case units.Join():
            return f"{unit.kind}, {unit.target.word_bytes} lanes"
        case units.Source() | units.Scale() | units.Table() | units.Concat() | units.Reduce():
            return f"{type(unit).__name__.lower()}, {unit.target.word_bytes} lanes"
        case units.Sink():
            return f"sink, {unit.source.word_bytes} lanes"
        case _:
            assert_never(unit)


def _memories(unit: Unit, constants: Constants | None) -> Iterator[Memory]:
    if constants is not None and len(constants.weights) and not constants.fed:
        words, width = constants.weights.shape
        impl = unit.weights if isinstance(unit, units.Matrix | units.Lanes) else "lutram"
        yield Memory("weights", f"[{words}][{width}]", impl, True, 2, 0)
    if constants is not None and len(constants.channels):
        words, width = constants.channels.shape
        impl = unit.constants if isinstance(unit, units.Matrix | units.Lanes) else "lutram"
        yield Memory("channels", f"[{words}][{width}]", impl, True, 2, 0)
    if isinstance(unit, units.Matrix | units.Lanes):
        window = unit.window
        sizes = f"[{window.banks}][{window.memory_words}][{window.source.lanes}]"
        yield Memory("rows", sizes, window.storage, False, 3, 1)
    if isinstance(unit, Pick):
        sizes = f"[{unit.copies}][{unit.memory_words}][{unit.source.lanes}]"
        yield Memory("rows", sizes, unit.storage, False, 3, 1)
    if isinstance(unit, units.Reduce) and constants is not None:
        words = unit.source.pixel_words
        held = "lutram" if words >= units.REDUCE_WORDS else "registers"
        sizes, kind = f"[{words}][{unit.source.lanes}]", f"hwmap::SInt<{constants.sum_bits}>"
        yield Memory("sums", sizes, held, False, 2, 0, kind)
        yield Memory("complete", sizes, held, False, 2, 0, kind)


def _call(unit: Unit, kernel: Kernel, names: list[str], memories: tuple[Memory, ...]) -> str:
    """The call of the loop of a kernel."""
    params = f"{function_name(kernel)}Params"
    if isinstance(unit, units.Join):
        params += ", hwmap::Sum" if unit.kind == "add" else ", hwmap::Product"
    arrays = [memory.name for memory in memories]
    name, numbers = _loop(unit)
    match unit:
        case units.Fork() | units.Relabel():
            arguments = [names[0], "images", "clock", *names[1:]]
        case units.Concat():
            reads, write = names[: len(unit.sources)], names[-1]
            arguments = ["numbers", *arrays, write, "images", "clock", *reads]
        case units.Feed():
            arguments = ["dram", *names, "images", "clock"]
        case units.Matrix() if unit.feed is not None:
            source, weights, target = names
            arguments = [*numbers, weights, *arrays, source, target, "images", "clock"]
        case units.Source() | units.Sink():
            ordered = ["port", *names] if isinstance(unit, units.Source) else [*names, "port"]
            arguments = [*ordered, "images", "clock"]
        case _:
            arguments = [*numbers, *arrays, *names, "images", "clock"]
    return f"{name}<{params}>({', '.join(arguments)})"


def _loop(unit: Unit) -> tuple[str, list[str]]:
    """The C++ function of a unit, and whether it takes numbers."""
    match unit:
        case units.Lanes(kind=kind):
            return f"Run{kind.capitalize()}", [] if kind == "max" else ["numbers"]
        case units.Regroup():
            return ("RunGather" if unit.pixels > unit.source.pixels else "RunSpread"), []
        case units.Source() | units.Feed() | units.Sink() | units.Fork() | units.Gearbox():
            return f"Run{type(unit).__name__}", []
        case units.Table():
            return f"Run{type(unit).__name__}", []
        case units.Relabel():
            return "RunFork", []
        case Pick():
            return ("RunBlend", ["numbers"]) if unit.picked.factors else ("RunPick", [])
        case units.Matrix() | units.Reduce() | units.Join() | units.Scale() | units.Concat():
            return f"Run{type(unit).__name__}", ["numbers"]
        case _:
            assert_never(unit)
