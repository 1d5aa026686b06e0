"""ONNX files from elsewhere: complete in themselves, and of standard operators only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facefusion_cli.errors import WeightsDamagedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from onnx import GraphProto, ModelProto, NodeProto, SparseTensorProto, TensorProto, ValueInfoProto

__all__ = ["check_onnx"]

_STANDARD_DOMAINS = {"", "ai.onnx", "ai.onnx.ml"}


def check_onnx(path: Path, called: str | None = None, inputs: Sequence[Sequence[int]] = (), outputs: int = 0) -> None:
    """Refuse a file that is no ONNX network, or one whose meaning lies outside the file.

    That is: tensors kept in other files, wherever in the graph they stand and whatever the path (a link would lead
    anywhere), operators that are not ONNX's own, functions, training steps, and graphs with nothing to put in or to get
    out. For a moment it takes twice the file's size in memory.

    ``called``: the name for error messages, where it is not the path's. ``inputs``, ``outputs``: the shapes it must
    take, 0 for any size, and the number of outputs it must give; without ``inputs`` that is not looked at.

    Raises:
        WeightsDamagedError: it is refused.
        OSError: it cannot be read.
    """
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    called = called or str(path)
    try:
        # By its content: onnx would take ".json" or ".textproto" for other encodings.
        model = onnx.load(path, format="protobuf", load_external_data=False)
    except DecodeError as error:
        raise WeightsDamagedError(f'"{called}" is not an ONNX network, or it is damaged.') from error
    if why := _objection(model):
        raise WeightsDamagedError(f'"{called}" is not used: {why}.')
    if inputs and (why := _misfit(model.graph, inputs, outputs)):
        raise WeightsDamagedError(f'"{called}" is not used: {why}.', hint="It is another network than the one needed.")


def _objection(model: ModelProto) -> str | None:
    graph = model.graph
    if not _inputs(graph) or not graph.output or not graph.node:
        return "it is no network with inputs and outputs"
    if model.functions:
        return "it brings functions of its own"
    if model.training_info:
        return "it brings training steps"
    for node in _nodes(graph):
        if node.domain not in _STANDARD_DOMAINS:
            return f'its operator "{node.op_type}" is not of ONNX but of "{node.domain}"'
    if any(_is_elsewhere(tensor) for tensor in _tensors(graph)):
        return "parts of it are in other files"
    return None


def _misfit(graph: GraphProto, inputs: Sequence[Sequence[int]], outputs: int) -> str | None:
    found = [[max(size.dim_value, 0) for size in value.type.tensor_type.shape.dim] for value in _inputs(graph)]
    fits = len(found) == len(inputs) and all(map(_agree, found, inputs))
    if fits and len(graph.output) == outputs:
        return None
    return f"it has {_form(found, len(graph.output))}, where {_form(inputs, outputs)} are needed"


def _agree(found: Sequence[int], needed: Sequence[int]) -> bool:
    """Whether a shape will do; 0 stands for a size that is not fixed, on either side."""
    return len(found) == len(needed) and all(
        size in (0, other) or not other for size, other in zip(found, needed, strict=True)
    )


def _form(inputs: Sequence[Sequence[int]], outputs: int) -> str:
    shapes = " and ".join("x".join(str(size or "?") for size in shape) or "a number" for shape in inputs)
    return f"{_counted(len(inputs), 'input')} ({shapes}) and {_counted(outputs, 'output')}"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def _inputs(graph: GraphProto) -> list[ValueInfoProto]:
    """Those to be fed: older files list their constants too."""
    constants = {tensor.name for tensor in graph.initializer}
    return [value for value in graph.input if value.name not in constants]


def _nodes(graph: GraphProto) -> Iterator[NodeProto]:
    """All nodes, those of graphs within nodes included."""
    for inner in _graphs(graph):
        yield from inner.node


def _graphs(graph: GraphProto) -> Iterator[GraphProto]:
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _graphs(inner)


def _tensors(graph: GraphProto) -> Iterator[TensorProto]:
    for inner in _graphs(graph):
        yield from inner.initializer
        for sparse in inner.sparse_initializer:
            yield from _parts(sparse)
        for node in inner.node:
            for attribute in node.attribute:
                yield attribute.t
                yield from attribute.tensors
                for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                    yield from _parts(sparse)


def _parts(sparse: SparseTensorProto) -> tuple[TensorProto, TensorProto]:
    return sparse.values, sparse.indices


def _is_elsewhere(tensor: TensorProto) -> bool:
    # The entries alone mean nothing to a runtime, but a file that has them was not made to stand alone.
    return tensor.data_location == tensor.EXTERNAL or len(tensor.external_data) > 0
