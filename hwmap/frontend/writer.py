"""An ONNX graph that is being written: nodes, constants, and names that are taken once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

import numpy as np
import onnx
from onnx import helper, numpy_helper

from hwmap.ir.types import Array, Quant

FACTORS_KEY = "hwmap.factors"
"""Metadata of a model: the names, a line each, of convolutions that are factors."""


@dataclass(eq=False)
class Writer:
    """An ONNX graph as far as it has been written. `values` are the names that tensors have in it,
    where those are not their own."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: dict[str, onnx.TensorProto] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)

    def value(self, tensor: str) -> str:
        """The ONNX name of a tensor."""
        return self.values.get(tensor, tensor)

    def constant(self, name: str, array: Array) -> str:
        """An initializer; its name."""
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(np.asarray(array, order="C"), name)
        return name

    def node(
        self, kind: str, inputs: Sequence[str], output: str, name: str, **attributes: object
    ) -> str:
        """A node called `name` or, if that is taken, a numbered form of it; its output."""
        tries = (name if i == 0 else f"{name}#{i}" for i in count())
        unique = next(text for text in tries if text not in self.taken)
        self.taken.add(unique)
        made = helper.make_node(kind, list(inputs), [output], name=unique, **attributes)  # type: ignore[arg-type]
        self.nodes.append(made)
        return output

    def reshape(self, source: str, output: str, shape: Sequence[int], name: str) -> str:
        """A Reshape of every image to `shape`."""
        sizes = self.constant(f"{name}:shape", np.array([-1, *shape], np.int64))
        return self.node("Reshape", [source, sizes], output, name)

    def cast(self, source: str, output: str, kind: int) -> str:
        """The same values as another type."""
        return self.node("Cast", [source], output, output, to=int(kind))

    def quantize(self, source: str, output: str, quant: Quant) -> str:
        """Round to the integers of `quant`."""
        return self.node("QuantizeLinear", [source, *self._format(output, quant)], output, output)

    def dequantize(self, source: str, output: str, quant: Quant, **attributes: int) -> str:
        """The values of integers of `quant`."""
        inputs = [source, *self._format(source, quant)]
        return self.node("DequantizeLinear", inputs, output, f"{output}:dequantize", **attributes)

    def _format(self, name: str, quant: Quant) -> list[str]:
        kind = np.dtype(f"{'i' if quant.signed else 'u'}{quant.width_bits // 8}")
        scale = np.asarray(quant.scale, np.float32)
        zero = np.full(scale.shape, quant.zero_point, kind)
        return [self.constant(f"{name}:scale", scale), self.constant(f"{name}:zero", zero)]
