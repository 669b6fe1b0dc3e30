"""What is put right in an ONNX file before it is imported, or run."""

from typing import Any

import networkx as nx
import numpy as np
import onnx


def sort_nodes(graph: onnx.GraphProto) -> None:
    """Put the nodes behind those that they read, in the file's order where that leaves a choice:
    onnxruntime takes them in any."""
    writers = {name: i for i, node in enumerate(graph.node) for name in node.output if name}
    order: nx.DiGraph[int] = nx.DiGraph()
    order.add_nodes_from(range(len(graph.node)))
    for reader, node in enumerate(graph.node):
        order.add_edges_from((writers[name], reader) for name in node.input if name in writers)
    if all(writer < reader for writer, reader in order.edges) or not nx.is_directed_acyclic_graph(
        order
    ):
        return
    nodes = [graph.node[i] for i in nx.lexicographical_topological_sort(order)]
    copies = [type(node).FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(copies)


def fill_sparse(graph: onnx.GraphProto) -> None:
    """Write sparse initializers as dense ones (their sizes are checked before)."""
    for sparse in graph.sparse_initializer:
        values = onnx.numpy_helper.to_array(sparse.values)
        places = onnx.numpy_helper.to_array(sparse.indices)
        dense = np.zeros(tuple(sparse.dims), values.dtype)
        where = np.unravel_index(places, dense.shape) if places.ndim == 1 else tuple(places.T)
        dense[where] = values
        graph.initializer.append(onnx.numpy_helper.from_array(dense, sparse.values.name))
    del graph.sparse_initializer[:]


def spell_padding(proto: onnx.ModelProto) -> bool:
    """Give the windows with dilations and auto_pad SAME, which onnxruntime cannot run, explicit
    pads (ONNX, Conv: the output has ceil(size / stride) values). Whether there were any."""
    dilated = [(node, found) for node in proto.graph.node if (found := _auto_padded(node))]
    if not dilated:
        return False
    known = onnx.shape_inference.infer_shapes(proto).graph
    sizes = {
        info.name: [dim.dim_value for dim in info.type.tensor_type.shape.dim][2:]
        for info in (*known.input, *known.value_info)
    } | {init.name: list(init.dims[2:]) for init in proto.graph.initializer}
    for node, attributes in dilated:
        image = sizes.get(node.input[0], [])
        kernel = attributes.get("kernel_shape") or sizes.get("".join(node.input[1:2]), [])
        if not len(image) == len(kernel) == len(attributes["dilations"]) or 0 in image:
            continue
        before: list[int] = []
        after: list[int] = []
        for size, taps, stride, dilation in zip(
            image,
            kernel,
            attributes.get("strides") or [1] * len(image),
            attributes["dilations"],
            strict=True,
        ):
            total = max((-(-size // stride) - 1) * stride + (taps - 1) * dilation + 1 - size, 0)
            low = total // 2 if attributes["auto_pad"] == b"SAME_UPPER" else -(-total // 2)
            before.append(low)
            after.append(total - low)
        kept = [item for item in node.attribute if item.name not in ("auto_pad", "pads")]
        del node.attribute[:]
        node.attribute.extend([*kept, onnx.helper.make_attribute("pads", before + after)])
    return True


def _auto_padded(node: onnx.NodeProto) -> dict[str, Any]:
    """The attributes of a window with dilations and auto_pad SAME; of others none."""
    if node.op_type not in ("Conv", "MaxPool", "AveragePool"):
        return {}
    found = {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}
    same = found.get("auto_pad") in (b"SAME_UPPER", b"SAME_LOWER")
    return found if same and set(found.get("dilations", [1])) != {1} else {}
