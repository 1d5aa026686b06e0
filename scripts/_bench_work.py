"""How much arithmetic an ONNX graph is, and what is run of it."""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import onnx

    from facefusion_cli.core.inference.session import Session

__all__ = ["Counted", "counted_sessions", "floating_point_operations"]

_LARGE = 1024


def floating_point_operations(model: onnx.ModelProto, inputs: Mapping[str, Sequence[int]]) -> float:
    """Count the operations of all convolutions and matrix products, two for a multiplication and its addition.

    ``inputs`` gives the shapes to count for. The model is altered: it loses its weights.
    """
    from onnx import shape_inference

    graph = model.graph
    for tensor in graph.initializer:
        if math.prod(tensor.dims) > _LARGE:  # smaller ones may say what shape something takes
            tensor.ClearField("raw_data")
    for info in graph.input:
        for dimension, size in zip(info.type.tensor_type.shape.dim, inputs.get(info.name, ()), strict=False):
            dimension.dim_value = size
    for info in graph.output:
        info.type.tensor_type.ClearField("shape")
    inferred = shape_inference.infer_shapes(model, data_prop=True).graph
    shapes = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    for info in (*inferred.input, *inferred.value_info, *inferred.output):
        shapes[info.name] = [dimension.dim_value for dimension in info.type.tensor_type.shape.dim]
    return float(sum(_operations(node, shapes) for node in graph.node))


def _operations(node: onnx.NodeProto, shapes: Mapping[str, Sequence[int]]) -> int:
    if node.op_type == "Conv":
        return 2 * math.prod(shapes[node.output[0]]) * math.prod(shapes[node.input[1]][1:])
    if node.op_type == "ConvTranspose":
        return 2 * math.prod(shapes[node.input[0]]) * math.prod(shapes[node.input[1]][1:])
    if node.op_type in {"Gemm", "MatMul"}:
        transposed = any(attribute.name == "transA" and attribute.i for attribute in node.attribute)
        return 2 * math.prod(shapes[node.output[0]]) * shapes[node.input[0]][-2 if transposed else -1]
    return 0


class Counted:
    """Floating-point operations of all that was run on some sessions."""

    def __init__(self) -> None:
        self.work = 0.0

    def session(self, session: Session, model: Path | bytes) -> Session:
        """The session, counted for: its graph with inputs of fixed shapes."""
        import onnx

        graph = onnx.load_from_string(model) if isinstance(model, bytes) else onnx.load(model)
        return _CountedSession(session, floating_point_operations(graph, {}), self)


class _CountedSession:
    def __init__(self, session: Session, work: float, counted: Counted) -> None:
        self._session, self._work, self._counted = session, work, counted

    def run(self, output_names: Sequence[str] | None, input_feed: Mapping[str, Any]) -> list[Any]:
        self._counted.work += self._work
        return self._session.run(output_names, input_feed)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)


@contextmanager
def counted_sessions() -> Iterator[Counted]:
    """Sessions of embedded networks that are opened meanwhile for the first time are counted, for good."""
    from facefusion_cli.core.inference import onnx_runtime

    counted, plain = Counted(), onnx_runtime.open_session

    def opened(model: Path | bytes, threads: int = 1) -> Session:
        return counted.session(plain(model, threads), model)

    onnx_runtime.open_session = opened
    try:
        yield counted
    finally:
        onnx_runtime.open_session = plain
