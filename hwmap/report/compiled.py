"""What a compiled design is worth."""

from dataclasses import replace

from hwmap import style
from hwmap.accuracy import Accuracy, accuracy_of, top1
from hwmap.compiler import Compiled
from hwmap.data.dataset import DataSet
from hwmap.ir.evaluate import evaluate
from hwmap.ir.given import is_given
from hwmap.quantize.choose import quantize_graph, quantize_inputs, schemes_of


def measure_accuracy(compiled: Compiled, data: DataSet, calibration: DataSet) -> Accuracy:
    """Top-1 on labelled `data`, for a network with one output. The host's part changes no class.
    Where scales were chosen to be powers of two, also with free ones."""
    assert data.labels is not None
    exact = evaluate(compiled.source, data.inputs)
    integer = evaluate(compiled.graph, quantize_inputs(compiled.graph, data.inputs))
    found = accuracy_of(exact, integer, data.labels)
    rewritten = compiled.rewritten
    if not compiled.settings.by_shifts or rewritten is None or is_given(rewritten):
        return found
    schemes = schemes_of(synthetic=calibration.synthetic)
    graph = quantize_graph(rewritten, calibration.inputs, schemes).graph
    free = evaluate(graph, quantize_inputs(graph, data.inputs))
    return replace(found, free_top1=top1(free, data.labels))


def compile_report(compiled: Compiled, accuracy: Accuracy | None) -> style.CompileReport:
    """The result of a compilation."""
    return style.summary(
        compiled.plan,
        compiled.design,
        compiled.settings,
        compiled.source,
        compiled.graph,
        accuracy,
    )
