"""ONNX files: read with their external data, checked, and in one piece."""

from pathlib import Path

import onnx
import onnx.inliner
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from hwmap.errors import ModelError
from hwmap.frontend.node import (
    MOST_CONSTANT_ELEMENTS,
    UnsupportedError,
    check_size,
)
from hwmap.frontend.qoperator import expand_qoperators
from hwmap.frontend.rewrite import fill_sparse, sort_nodes, spell_padding


def load_proto(path: Path) -> onnx.ModelProto:
    """The ONNX file, with its external data, which must lie in its folder.

    Raises:
        ModelError: it is none, or breaks a rule of ONNX.
    """
    try:
        if not path.is_file():
            found = "a directory" if path.is_dir() else "no such file"
            raise ModelError(f"{path}: {found}; expected an ONNX model")
        proto, _ = _in_one_piece(path)
        if proto.functions:
            proto = onnx.inliner.inline_local_functions(proto)
        _check_dimensions(proto, path)
        sort_nodes(proto.graph)
        for out in proto.graph.output:
            # The checker asks for a shape, which nobody needs.
            out.type.tensor_type.shape.SetInParent()
        onnx.checker.check_model(proto)
        fill_sparse(proto.graph)
        expand_qoperators(proto)
    except (
        DecodeError,
        onnx.checker.ValidationError,
        onnx.shape_inference.InferenceError,
        ValueError,
        OSError,
        TypeError,
        RecursionError,
        ArithmeticError,
        LookupError,
        AttributeError,
    ) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(f"{path}: not a valid ONNX model ({reason})") from error
    return proto


def model_bytes(path: Path) -> bytes:
    """The ONNX file in one piece, such that onnxruntime can run it: as it is, or with its external
    data taken in and its padding spelled out.

    Raises:
        ModelError: it is none, or too large for one piece.
    """
    proto, changed = _in_one_piece(path)
    if not changed:
        return path.read_bytes()
    try:
        content: bytes = proto.SerializeToString(deterministic=True)
    except ValueError as error:
        raise ModelError(f"{path}: with its data it is larger than 2 GB ({error})") from error
    return content


def _in_one_piece(path: Path) -> tuple[onnx.ModelProto, bool]:
    """The model with the data of its tensors, and padding that onnxruntime can run; and whether it
    is another than in the file."""
    proto = onnx.load(path, load_external_data=False)
    tensors = onnx.external_data_helper._get_all_tensors(proto)
    external = [item for item in tensors if item.data_location == onnx.TensorProto.EXTERNAL]
    for tensor in external:
        _check_external(tensor, path)
    onnx.load_external_data_for_model(proto, str(path.parent))
    return proto, bool(external) | spell_padding(proto)


def _check_external(tensor: onnx.TensorProto, path: Path) -> None:
    """Refuse data outside the model's folder, whatever links and dots its location has."""
    location = {entry.key: entry.value for entry in tensor.external_data}.get("location", "")
    folder = path.parent.resolve()
    file = (folder / location).resolve() if "\0" not in location else folder
    if folder not in file.parents or not file.is_file():
        raise ModelError(
            f"{path}: initializer '{tensor.name}' has its data in '{location}'; expected a file in"
            " the model's folder"
        )


def _check_dimensions(proto: onnx.ModelProto, path: Path) -> None:
    """Refuse initializers whose size is not that of their data: damage, or a trap."""
    found = [(init.name, init.dims) for init in proto.graph.initializer]
    found += [(sparse.values.name, sparse.dims) for sparse in proto.graph.sparse_initializer]
    for name, dims in found:
        try:
            check_size([max(size, 1) for size in dims], MOST_CONSTANT_ELEMENTS)
        except UnsupportedError as error:
            raise ModelError(f"{path}: initializer '{name}': {error}") from error
        if any(size < 0 for size in dims):
            raise ModelError(
                f"{path}: initializer '{name}' has shape {list(dims)}; expected sizes from 0"
            )
