"""Translate a TFLite graph into an ONNX graph with channels first.

Tensors of rank 4 are NCHW in the result; others keep TFLite's order. Weights are stored as float16 with one Cast each
wherever that is exact (the models here are trained in float16): half the file, and the graph computes in float32.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tflite
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from _tflite_reader import Array, Operator, TfliteGraph

    Handler = Callable[["Translator", Operator], str]

__all__ = ["OPSET", "OnnxBuilder", "Translator"]

OPSET = 16
_IR_VERSION = 8  # the one that came with opset 16
_TO_NCHW = (0, 3, 1, 2)
_TO_NHWC = (0, 2, 3, 1)


class OnnxBuilder:
    """Collects nodes and constants; names are counted, so that the same calls give the same bytes."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._initializers: list[Any] = []
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    def node(self, kind: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """Add an operator with one output and return that output's name."""
        output = output or f"t{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def constant(self, values: Any, dtype: Any = np.float32) -> str:
        """Store a constant as it is (once, however often it is asked for) and return its name."""
        array = np.ascontiguousarray(values, dtype)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            self._constants[key] = name = f"c{len(self._constants)}"
            self._initializers.append(numpy_helper.from_array(array, name))
        return self._constants[key]

    def weights(self, values: Array) -> str:
        """Store weights, as float16 where no bit is lost, and return the name of the float32 tensor."""
        half = values.astype(np.float16)
        if not np.array_equal(half.astype(np.float32), values.astype(np.float32)):
            return self.constant(values)
        return self.node("Cast", self.constant(half, np.float16), to=TensorProto.FLOAT)

    def model(
        self, name: str, inputs: dict[str, list[int]], outputs: dict[str, list[int]], properties: dict[str, str]
    ) -> bytes:
        """Return the serialized model; inputs and outputs are float32 tensors given by name and shape."""
        graph = helper.make_graph(
            self._nodes,
            name,
            [helper.make_tensor_value_info(key, TensorProto.FLOAT, shape) for key, shape in inputs.items()],
            [helper.make_tensor_value_info(key, TensorProto.FLOAT, shape) for key, shape in outputs.items()],
            self._initializers,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=_IR_VERSION)
        helper.set_model_props(model, properties)
        data: bytes = model.SerializeToString(deterministic=True)
        return data


class Translator:
    """Walks the operators of a TFLite graph and adds their like to an :class:`OnnxBuilder`.

    ``custom`` maps the names of custom operators to functions that take the translator and the operator and return
    the name of the result.
    """

    def __init__(
        self,
        source: TfliteGraph,
        builder: OnnxBuilder,
        custom: Mapping[str, Handler] | None = None,
    ) -> None:
        self.source = source
        self.builder = builder
        self._folded: dict[int, Array] = {}
        self._names: dict[int, str] = {source.inputs[0]: "input"}
        self._handlers: dict[str, Handler] = {**_HANDLERS, **(custom or {})}

    def run(self, wanted: list[int]) -> list[str]:
        """Translate what the ``wanted`` tensors depend on and return their names in the ONNX graph."""
        needed = set(wanted)
        operators = []
        for operator in reversed(self.source.operators):
            if needed.intersection(operator.outputs):
                needed.update(operator.inputs)
                operators.append(operator)
        for operator in reversed(operators):
            (output,) = operator.outputs
            if operator.kind in ("DEQUANTIZE", "DENSIFY"):
                # Only ever applied to constants, and the reader has made those dense.
                self._folded[output] = self.values(operator.inputs[0])
            elif operator.kind in self._handlers:
                self._names[output] = self._handlers[operator.kind](self, operator)
            else:
                raise ValueError(f"The operator {operator.kind} is not known here.")
        return [self.name(tensor) for tensor in wanted]

    def values(self, tensor: int) -> Array:
        """Return the values of a constant."""
        values = self._folded.get(tensor)
        if values is None:
            values = self.source.constant(tensor)
        if values is None:
            raise ValueError(f'The tensor "{self.source.name(tensor)}" is not a constant.')
        return values

    def name(self, tensor: int) -> str:
        """Return the ONNX name of a tensor; a constant, of rank below 4, is added when first asked for."""
        if tensor not in self._names:
            self._names[tensor] = self.builder.weights(self.values(tensor))
        return self._names[tensor]

    def activation(self, name: str, code: int) -> str:
        """Add the activation that TFLite has fused into an operator."""
        if code == tflite.ActivationFunctionType.NONE:
            return name
        if code == tflite.ActivationFunctionType.RELU:
            return self.builder.node("Relu", name)
        raise ValueError(f"The fused activation {code} is not known here.")


def _padding(size: list[int], kernel: tuple[int, int], stride: tuple[int, int], scheme: int) -> list[int]:
    """Return ONNX's pads (top, left, bottom, right); SAME puts the odd pixel at the end, as TensorFlow does."""
    if scheme == tflite.Padding.VALID:
        return [0, 0, 0, 0]
    total = [max((-(-n // s) - 1) * s + k - n, 0) for n, k, s in zip(size, kernel, stride, strict=True)]
    return [n // 2 for n in total] + [n - n // 2 for n in total]


def _convolution(graph: Translator, operator: Operator) -> str:
    data, kernel, bias = operator.inputs
    weights = graph.values(kernel)
    if operator.kind == "DEPTHWISE_CONV_2D":
        options, group = operator.options(tflite.DepthwiseConv2DOptions), weights.shape[3]
        weights = weights.transpose(3, 0, 1, 2)  # (1, H, W, C) to (C, 1, H, W)
    else:
        options, group = operator.options(tflite.Conv2DOptions), 1
        weights = weights.transpose(_TO_NCHW)  # (O, H, W, I) to (O, I, H, W)
    if (options.DilationHFactor(), options.DilationWFactor()) != (1, 1):
        raise ValueError("Dilated convolutions are not known here.")
    stride = (options.StrideH(), options.StrideW())
    size = graph.source.shape(data)[1:3]
    result = graph.builder.node(
        "Conv",
        graph.name(data),
        graph.builder.weights(weights),
        graph.name(bias),
        kernel_shape=weights.shape[2:],
        strides=stride,
        pads=_padding(size, weights.shape[2:], stride, options.Padding()),
        group=group,
    )
    return graph.activation(result, options.FusedActivationFunction())


def _max_pool(graph: Translator, operator: Operator) -> str:
    (data,) = operator.inputs
    options = operator.options(tflite.Pool2DOptions)
    kernel = (options.FilterHeight(), options.FilterWidth())
    stride = (options.StrideH(), options.StrideW())
    pads = _padding(graph.source.shape(data)[1:3], kernel, stride, options.Padding())
    result = graph.builder.node("MaxPool", graph.name(data), kernel_shape=kernel, strides=stride, pads=pads)
    return graph.activation(result, options.FusedActivationFunction())


def _pad(graph: Translator, operator: Operator) -> str:
    data, amounts = operator.inputs
    pads = graph.values(amounts)[list(_TO_NCHW)].T.reshape(-1)  # all the begins, then all the ends
    return graph.builder.node("Pad", graph.name(data), graph.builder.constant(pads, np.int64))


def _prelu(graph: Translator, operator: Operator) -> str:
    """slope * x + (1 - slope) * max(x, 0), for onnxruntime: its own "PRelu" takes half the time of a network.

    It keeps pictures in blocks of channels as long as nothing but convolutions and the like needs them, and a number
    for each channel is a convolution of one pixel. Where no slope is above 1, the second is the ReLU of another.
    """
    data, slope = operator.inputs
    slopes = graph.values(slope).reshape(-1, 1, 1, 1).astype(np.float32)  # (1, 1, C) to (C, 1, 1, 1)
    node, value = graph.builder.node, graph.name(data)

    def scaled(name: str, factors: Array) -> str:
        return node("Conv", name, graph.builder.weights(factors), kernel_shape=[1, 1], group=len(factors))

    above = node("Relu", scaled(value, 1 - slopes)) if slopes.max() <= 1 else scaled(node("Relu", value), 1 - slopes)
    return node("Add", scaled(value, slopes), above)


def _arithmetic(graph: Translator, operator: Operator) -> str:
    kind, cls = {"ADD": ("Add", tflite.AddOptions), "MUL": ("Mul", tflite.MulOptions)}[operator.kind]
    result = graph.builder.node(kind, *[graph.name(tensor) for tensor in operator.inputs])
    return graph.activation(result, operator.options(cls).FusedActivationFunction())


def _resize(graph: Translator, operator: Operator) -> str:
    options = operator.options(tflite.ResizeBilinearOptions)
    if options.AlignCorners() or not options.HalfPixelCenters():
        raise ValueError("Only half-pixel centres are known here.")
    before, after = (graph.source.shape(tensor)[1:3] for tensor in (operator.inputs[0], operator.outputs[0]))
    scales = graph.builder.constant([1, 1, after[0] / before[0], after[1] / before[1]])
    return graph.builder.node(
        "Resize", graph.name(operator.inputs[0]), "", scales, mode="linear", coordinate_transformation_mode="half_pixel"
    )


def _depth_to_space(graph: Translator, operator: Operator) -> str:
    size = operator.options(tflite.DepthToSpaceOptions).BlockSize()
    return graph.builder.node("DepthToSpace", graph.name(operator.inputs[0]), blocksize=size, mode="DCR")


def _reshape(graph: Translator, operator: Operator) -> str:
    data, shape = operator.inputs[0], graph.source.shape(operator.outputs[0])
    name = graph.name(data)
    if len(graph.source.shape(data)) == 4:
        name = graph.builder.node("Transpose", name, perm=_TO_NHWC)
    if len(shape) == 4:
        raise ValueError("A reshape to a picture is not known here.")
    return graph.builder.node("Reshape", name, graph.builder.constant(shape, np.int64))


def _concatenation(graph: Translator, operator: Operator) -> str:
    options = operator.options(tflite.ConcatenationOptions)
    if len(graph.source.shape(operator.outputs[0])) == 4:
        raise ValueError("A concatenation of pictures is not known here.")
    names = [graph.name(tensor) for tensor in operator.inputs]
    result = graph.builder.node("Concat", *names, axis=options.Axis())
    return graph.activation(result, options.FusedActivationFunction())


_HANDLERS: dict[str, Handler] = {
    "ADD": _arithmetic,
    "CONCATENATION": _concatenation,
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _convolution,
    "DEPTH_TO_SPACE": _depth_to_space,
    "MAX_POOL_2D": _max_pool,
    "MUL": _arithmetic,
    "PAD": _pad,
    "PRELU": _prelu,
    "RELU": lambda graph, operator: graph.builder.node("Relu", graph.name(operator.inputs[0])),
    "RESHAPE": _reshape,
    "RESIZE_BILINEAR": _resize,
}
