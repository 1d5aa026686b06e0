"""How much arithmetic an ONNX graph is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import onnx

__all__ = ["floating_point_operations"]

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
