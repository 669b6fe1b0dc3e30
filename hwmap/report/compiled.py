"""What a compiled design is worth."""

from hwmap import style
from hwmap.accuracy import Accuracy, accuracy_of
from hwmap.compiler import Compiled
from hwmap.data.dataset import DataSet
from hwmap.ir.evaluate import evaluate
from hwmap.quantize.choose import quantize_inputs


def measure_accuracy(compiled: Compiled, data: DataSet) -> Accuracy:
    """Top-1 on labelled `data`, for a network with one output. The host's part changes no class."""
    assert data.labels is not None
    exact = evaluate(compiled.source, data.inputs)
    integer = evaluate(compiled.graph, quantize_inputs(compiled.graph, data.inputs))
    return accuracy_of(exact, integer, data.labels)


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
