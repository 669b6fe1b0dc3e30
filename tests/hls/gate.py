"""Holds emitted C++ to what an HLS engineer checks before a synthesis run, with clang's IR.

`multiplications`, `memories` and `misordered` read the optimized IR of a project's top function,
everything inlined and unrolled: what is left of it is what a scheduler sees. `unbound_arrays` reads
the unoptimized IR, where every array of the source still stands, and the pragmas of the source.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path

import networkx as nx

from tests.headers import STAND_INS

OPAQUE = Path(__file__).parent / "opaque"
VENDOR = STAND_INS
"""Stand-ins for the vendor's headers; those of `OPAQUE` come before them."""
FLAGS = ("-std=c++14", "-Wno-everything", "-fno-discard-value-names", "-g0", "-S", "-emit-llvm")
OPTIMIZED = (
    "-O2",
    "-fno-vectorize",
    "-fno-slp-vectorize",
    *("-mllvm", "-inline-threshold=100000000"),
    *("-mllvm", "-pragma-unroll-threshold=100000000"),
    # Following a branch twice would copy what stands behind it: a synthesis tool does not.
    *("-mllvm", "-jump-threading-threshold=0"),
)
SECONDS = 300
NO_CLANG = "ziglang, a wheel with clang in it, is not installed: `pip install ziglang`"


def has_clang() -> bool:
    """Whether the wheel is here; it has no compiler for some platforms."""
    return find_spec("ziglang") is not None


def compile_ir(project: Path, work: Path, *, optimized: bool) -> str:
    """The IR of hls/top.cpp of a project, as a synthesis tool would compile it."""
    target = work / ("optimized.ll" if optimized else "plain.ll")
    sources = work / "hls"
    for path in (project / "hls").rglob("*.*"):
        copy = sources / path.relative_to(project / "hls")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(_with_unrolling(path.read_text("utf-8")), "utf-8")
    command = [sys.executable, "-m", "ziglang", "c++", *FLAGS]
    command += OPTIMIZED if optimized else ["-O0"]
    command += ["-D__SYNTHESIS__", "-DHWMAP_VITIS", f"-I{OPAQUE}", f"-I{VENDOR}", f"-I{sources}"]
    command += ["-o", str(target), str(sources / "top.cpp")]
    _run(command, work)
    if optimized:
        # An array inside two loops comes apart behind the unrolling of the outer one.
        _run([*command[:4], *FLAGS, *OPTIMIZED, "-o", str(target), str(target)], work)
    return target.read_text("utf-8")


def _run(command: list[str], work: Path) -> None:
    cache = {f"ZIG_{kind}_CACHE_DIR": str(work / "zig") for kind in ("GLOBAL", "LOCAL")}
    run = subprocess.run(
        command,
        env=os.environ | cache,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]


def _with_unrolling(text: str) -> str:
    """C++ whose loops tell clang what their HLS pragma tells a synthesis tool: all or nothing."""

    def told(loop: re.Match[str]) -> str:
        how = "full" if "#pragma HLS UNROLL" in loop[2] else "disable"
        return f"\n#pragma clang loop unroll({how})\n{loop[1]}{loop[2]}"

    return re.sub(r"\n( *(?:for|while) \()([^{}]*?\{\n[^\n]*\n)", told, text)


@dataclass(frozen=True)
class Function:
    """A function of the IR: its name, and the instructions of its blocks, by label."""

    name: str
    blocks: dict[str, list[str]]

    @cached_property
    def flow(self) -> "nx.DiGraph[str]":
        """Blocks, and where each one goes on."""
        flow: nx.DiGraph[str] = nx.DiGraph()
        for label, lines in self.blocks.items():
            flow.add_node(label)
            # The cases of a switch stand on lines of their own.
            end = next(
                i for i, line in enumerate(lines) if re.match(r"(br|switch|ret|unreach)", line)
            )
            targets = re.findall(r"label %([\w.$-]+)", " ".join(lines[end:]))
            flow.add_edges_from((label, target) for target in targets)
        return flow

    @cached_property
    def loops(self) -> list[set[str]]:
        """The blocks of every natural loop: those from which an edge back to its header, which
        dominates them, is reached without passing it."""
        entry = next(iter(self.blocks))
        above = nx.immediate_dominators(self.flow, entry)
        bodies: dict[str, set[str]] = {}
        for source, header in self.flow.edges:
            block = source
            while block not in (header, entry):
                block = above[block]
            if block == header:
                rest = self.flow.subgraph(b for b in self.flow if b != header)
                inside = set() if source == header else {source, *nx.ancestors(rest, source)}
                bodies.setdefault(header, {header}).update(inside)
        return list(bodies.values())

    @cached_property
    def values(self) -> dict[str, str]:
        """Instructions by the name of their result."""
        lines = (line for block in self.blocks.values() for line in block)
        return {m[1]: m[2] for line in lines if (m := re.match(r"%([\w.$-]+) = (.*)", line))}

    def root(self, pointer: str) -> str:
        """What a pointer points into: a local array or a global."""
        while pointer in self.values:
            moved = re.match(
                r"getelementptr .*?ptr (?:nonnull )?([%@][\w.$-]+)", self.values[pointer]
            )
            if moved is None:
                break
            pointer = moved[1].lstrip("%")
        return re.sub(r"\.i[\d.i]*$", "", pointer.lstrip("%@"))

    def bits(self, value: str, seen: frozenset[str] = frozenset()) -> int:
        """The bits that a value needs as a signed number, as far as the operations that make it
        tell; those of its type where they tell nothing."""
        text = self.values.get(value.lstrip("%"), "")
        kinds = [int(bits) for bits in re.findall(r"\bi(\d+)\b", text)]
        if not kinds:
            return 64
        # The type of a select stands behind that of its condition, that of a cast at the end.
        width = kinds[-1] if " to i" in text else kinds[text.startswith("select")]
        if value in seen:
            return width
        seen = seen | {value}
        operands = re.findall(r"(%[\w.$-]+)", text)
        operation = text.split()[0]
        constant = re.search(r", (-?\d+)$", text)
        match operation:
            case "sext" | "trunc":
                return min(width, self.bits(operands[0], seen))
            case "zext":
                return kinds[0] + 1
            case "ashr" if constant:
                return max(self.bits(operands[0], seen) - int(constant[1]), 1)
            case "lshr" if constant:
                return width - int(constant[1]) + 1
            case "shl" if constant:
                return min(width, self.bits(operands[0], seen) + int(constant[1]))
            case "and" if constant and int(constant[1]) >= 0:
                return min(int(constant[1]).bit_length() + 1, width)
            case "add" | "sub":
                parts = [self.bits(operand, seen) for operand in operands]
                parts += [int(constant[1]).bit_length() + 1] if constant else []
                return min(width, max(parts) + 1)
            case "select" | "phi":
                chosen = (
                    operands[1:] if operation == "select" else re.findall(r"\[ (%[\w.$-]+)", text)
                )
                literals = [
                    int(n).bit_length() + 1 for n in re.findall(r"(?:i\d+|\[) (-?\d+)\b", text)
                ]
                return min(
                    width, max([self.bits(v, seen) for v in chosen] + literals, default=width)
                )
            case _:
                return width

    def accesses(self, label: str) -> Iterator[tuple[str, str]]:
        """("load" or "store", array) of a block, in order."""
        for line in self.blocks[label]:
            if m := re.match(r"(?:%[\w.$-]+ = )?(load|store) .*?ptr ([%@][\w.$-]+)", line):
                yield m[1], self.root(m[2].lstrip("%"))


@cache
def functions(ir: str) -> list[Function]:
    """The functions that an IR defines."""
    found = []
    for name, body in re.findall(r"^define .*?@([\w.$]+)\(.*?\{\n(.*?)^\}", ir, re.M | re.S):
        blocks: dict[str, list[str]] = {}
        label = "entry"
        for line in body.splitlines():
            if m := re.match(r"([\w.$-]+):", line):
                label = m[1]
            elif line.strip():
                blocks.setdefault(label, []).append(line.strip())
        found.append(Function(name, blocks))
    return found


PRODUCT = re.compile(
    r"(?:mul|[su]div|[su]rem)\b(?: nuw| nsw| exact)* i\d+ (%[\w.$-]+), (%[\w.$-]+)"
)


def multiplications(ir: str) -> list[tuple[int, int]]:
    """The bits of both operands, the wide one first, of every multiplication (or division) of two
    values in the design."""
    return [
        tuple(sorted((function.bits(a), function.bits(b)), reverse=True))
        for function in functions(ir)
        for value in function.values.values()
        for a, b in PRODUCT.findall(value)
    ]


def accesses_per_trip(ir: str, array: str) -> dict[str, int]:
    """Loads and stores of `array` in the innermost loop that multiplies: how many bytes a trip
    reads and writes."""
    found = {"load": 0, "store": 0}
    for function in functions(ir):
        multiplying = {
            label
            for label, lines in function.blocks.items()
            if any(PRODUCT.search(line) for line in lines)
        }
        for body in function.loops:
            inner = any(other < body and other & multiplying for other in function.loops)
            if body & multiplying and not inner:
                for label in body:
                    for kind, root in function.accesses(label):
                        found[kind] += root == array
    return found


def splits(ir: str, shift: int) -> int:
    """Sums of packed products that are taken apart: shifts of 64 bits by so many places."""
    return len(re.findall(rf"= [al]shr (?:exact )?i64 %[\w.$-]+, {shift}\b", ir))


def memories(ir: str) -> set[str]:
    """Local arrays that the optimizer could not take apart, and constant tables."""
    local = {
        re.sub(r"\.i[\d.i]*$", "", name)
        for name in re.findall(r"^\s*%([\w.$-]+) = alloca ", ir, re.M)
    }
    constant = re.findall(r"^@([\w.$]+) = (?:internal|private).* constant \[", ir, re.M)
    tables = {_plain_name(name) for name in constant}
    return local | tables


def misordered(ir: str, array: str) -> bool | None:
    """Whether a trip of the innermost loop that both reads and writes `array` can read it after it
    has written it; None if no loop does both."""
    found = False
    for function in functions(ir):
        loops = [
            body
            for body in function.loops
            if {("load", array), ("store", array)}
            <= {access for label in body for access in function.accesses(label)}
        ]
        for body in (b for b in loops if not any(other < b for other in loops)):
            found = True
            if _reads_after_writing(function, body, array):
                return True
    return None if not found else False


def _reads_after_writing(function: Function, body: set[str], array: str) -> bool:
    header = next(
        label for label in body if any(p not in body for p in function.flow.predecessors(label))
    )
    trip = nx.DiGraph(function.flow.subgraph(body))
    trip.remove_edges_from([(label, header) for label in list(trip.predecessors(header))])
    for label in body:
        kinds = [kind for kind, root in function.accesses(label) if root == array]
        if "store" in kinds:
            if "load" in kinds[kinds.index("store") :]:
                return True
            later = nx.descendants(trip, label)
            if any(("load", array) in set(function.accesses(other)) for other in later):
                return True
    return False


def unbound_arrays(ir: str, project: Path) -> list[str]:
    """Local arrays (function.variable) for which no pragma of the function says what they become:
    registers (ARRAY_PARTITION), a word (AGGREGATE) or a memory (BIND_STORAGE)."""
    text = "\n".join(
        path.read_text("utf-8")
        for folder in (project / "hls", project / "hls" / "hwmap")
        for path in sorted(folder.glob("*.?pp"))
        if path.name != "testbench.cpp"
    )
    structs = dict(re.findall(r"^%([\w\".:$ -]+?) = type (\{.*\}|<\{.*\}>)$", ir, re.M))
    found = set()
    for function in functions(ir):
        name = _plain_name(function.name)
        pragmas = _definition(text, name)
        for line in (line for lines in function.blocks.values() for line in lines):
            m = re.match(r"%(\w+) = alloca (.*?),", line)
            if m is None or m[1] == "retval" or not _holds_array(m[2], structs):
                continue
            told = rf"#pragma HLS (ARRAY_PARTITION|AGGREGATE|BIND_STORAGE) variable = {m[1]}\b"
            if not re.search(told, pragmas):
                found.add(f"{name}.{m[1]}")
    return sorted(found)


DISJOINT = tuple(
    f"#pragma HLS DEPENDENCE variable = {name} type = {kind} dependent = false"
    for name in ("arena", "constants")
    for kind in ("inter", "intra")
)
DISTANT = tuple(
    f"#pragma HLS DEPENDENCE variable = {name} type = inter direction = RAW distance = 4"
    " dependent = true"
    for name in ("even", "odd")
)
LOOP = "#pragma HLS PIPELINE II = 1 style = flp"
PRAGMAS: dict[tuple[str, str], tuple[str, ...]] = {
    ("hwmap/engine.hpp", "Compute"): (
        LOOP,
        *DISJOINT,
        *DISTANT,
        "#pragma HLS BIND_STORAGE variable = table type = ram_1wnr impl = lutram",
    ),
    ("hwmap/moves.hpp", "Load"): (LOOP,),
    ("hwmap/moves.hpp", "Store"): (LOOP,),
    ("hwmap/moves.hpp", "Spill"): (LOOP,),
    ("hwmap/moves.hpp", "Reload"): (LOOP,),
    ("hwmap/engine.hpp", "Fetch"): (LOOP,),
    ("hwmap/reads.hpp", "WalkReads"): (LOOP,),
    ("hwmap/writes.hpp", "WalkWrites"): (LOOP,),
    ("hwmap/program.hpp", "SendBurst"): (LOOP,),
    ("hwmap/multiply.hpp", "MultiplyCascade"): (
        "#pragma HLS INLINE off",
        "#pragma HLS EXPRESSION_BALANCE off",
    ),
    ("top.cpp", "RunProgram"): (
        "#pragma HLS ARRAY_PARTITION variable = arena dim = 2 complete",
        "#pragma HLS ARRAY_PARTITION variable = constants dim = 2 complete",
        "#pragma HLS BIND_STORAGE variable = even type = ram_s2p impl = lutram",
        "#pragma HLS BIND_STORAGE variable = odd type = ram_s2p impl = lutram",
    ),
    ("top.cpp", "hwmap_top"): (
        "#pragma HLS DATAFLOW",
        "#pragma HLS BIND_STORAGE variable = words type = fifo impl = lutram",
        "#pragma HLS BIND_STORAGE variable = reads type = fifo impl = srl",
        "#pragma HLS BIND_STORAGE variable = writes type = fifo impl = srl",
    ),
}
"""What each function of a project must say, by file and name."""


def missing_pragmas(project: Path, in_uram: tuple[str, ...]) -> list[str]:
    """The pragmas of `PRAGMAS`, and those that bind the memories of a plan, that are not there."""
    missing = []
    for (path, name), wanted in PRAGMAS.items():
        if name == "RunProgram":
            wanted += tuple(
                f"#pragma HLS BIND_STORAGE variable = {memory} type = ram_s2p impl ="
                f" {'uram' if memory in in_uram else 'bram'}"
                for memory in ("arena", "constants")
            )
        text = (project / "hls" / path).read_text("utf-8")
        found = _definition(text, name).splitlines()
        missing += [f"{name}: {pragma}" for pragma in wanted if pragma not in found]
    return missing


@cache
def _plain_name(mangled: str) -> str:
    """The name of a function, without its namespaces, classes and arguments."""
    run = subprocess.run(["c++filt", "-p", mangled], capture_output=True, text=True, check=True)
    name = run.stdout.strip()
    while name != (outer := re.sub(r"<[^<>]*>", "", name)):
        name = outer
    return name.split("::")[-1]


def _holds_array(kind: str, structs: dict[str, str]) -> bool:
    """Whether a type is an array, or a struct with Bytes in it: others have arrays for padding."""
    if kind.startswith("["):
        return True
    nested = re.findall(r'%("[^"]+"|[\w.:]+)', structs.get(kind.lstrip("%"), ""))
    return "::Bytes" in kind or any(_holds_array(name, structs) for name in nested)


def _definition(text: str, name: str) -> str:
    """The text of a function's definition, if it has pragmas."""
    for m in re.finditer(rf"\b{re.escape(name)}\(", text):
        opening = re.match(r"[^;{}]*\{", text[m.start() :])
        if opening is None:
            continue
        depth, at = 1, m.start() + opening.end()
        while depth:
            depth += {"{": 1, "}": -1}.get(text[at], 0)
            at += 1
        if "#pragma HLS" in text[m.start() : at]:
            return text[m.start() : at]
    return ""
