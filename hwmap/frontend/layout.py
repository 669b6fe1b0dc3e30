"""Values in another order of axes than ours: [1, H, W, C] of TensorFlow, [1, T, C] of sequences.

An operator that has to know rows, columns and channels is done in our order, [1, C, H, W], and what
it gives is moved back; where the next one does the same, the two moves cancel.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from hwmap.frontend.movement import moved
from hwmap.frontend.node import Axes, Node, Value


def in_our_order(
    node: Node,
    axes: Axes,
    positions: Sequence[int],
    build: Callable[[Node], Value],
    attributes: Mapping[str, object] | None = None,
) -> Value:
    """What `build` makes of `node` with the inputs at `positions`, which are in the order `axes`,
    brought to ours; moved back to that order."""
    turned = [
        _turned(node, value, axes) if i in positions else value
        for i, value in enumerate(node.inputs)
    ]
    inner = replace(
        node,
        inputs=tuple(turned),
        outputs=(node.draft.tensor(f"{node.name}:turned"),),
        attributes={**node.attributes, **(attributes or {})},
        shared=False,
    )
    return moved(node, build(inner), lambda a: a.transpose(axes))


def _turned(node: Node, value: Value | None, axes: Axes) -> Value | None:
    if value is None:
        return None
    name, output = node.extra("turned")
    shape = (1,) * (len(axes) - len(value.shape)) + value.shape
    back = np.argsort(axes)
    inner = replace(node, name=name, outputs=(output,))
    return moved(inner, value, lambda a: a.reshape(shape).transpose(back))


def without_batch(node: Node, build: Callable[[Node], Value]) -> Value:
    """What `build` makes of a reduction of values that have lost their batch axis (a Squeeze)."""
    value = node.computed(0)
    rank = len(value.shape)
    given = node.integers(1, "axes")
    axes = range(rank) if given is None else given
    name, output = node.extra("batch")
    whole = moved(replace(node, name=name, outputs=(output,)), value, lambda a: a[None])
    attributes = {**node.attributes, "axes": [axis + 1 if axis >= 0 else axis for axis in axes]}
    made = build(replace(node, inputs=(whole,), attributes=attributes))
    return moved(node, made, lambda a: a[0])
