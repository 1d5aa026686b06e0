"""Replicas of the two face networks whose architecture is public: the swapper and the recogniser."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from _replica_graph import GraphWriter, normal

if TYPE_CHECKING:
    import onnx

__all__ = ["EMBEDDING", "recogniser", "swapper"]

EMBEDDING = 512
"""Numbers in an identity."""

_LEAKY_SLOPE = 0.2
_LEAKY_GAIN = math.sqrt(2.0 / (1.0 + _LEAKY_SLOPE**2))
_BRANCH = 0.3
"""Size of what a block adds to its input, which is about 1: small, as is usual in trained residual networks. With more,
rounding errors grow from block to block."""
_RECOGNISER_LAYERS = (3, 4, 14, 3)  # IResNet-50


def swapper(width: int = 128, blocks: int = 6) -> onnx.ModelProto:
    """Make a network with the architecture of ``inswapper_128.onnx``; a smaller ``width`` keeps its contract.

    Inputs ``target`` (1, 3, 128, 128), RGB in 0..1, and ``source`` (1, 512), of length 1; output ``output``
    (1, 3, 128, 128) in 0..1. The last initializer is a 512 x 512 matrix that no node uses.
    """
    graph = GraphWriter(seed=128)
    wide = 8 * width
    # A picture's numbers have a mean square of about 1/3.
    tensor = graph.conv("enter", _reflect(graph, "target", 3), (3, width), 7, gain=_LEAKY_GAIN * math.sqrt(3))
    tensor = _leaky(graph, tensor)
    for channels, stride in ((width, 1), (2 * width, 2), (4 * width, 2)):
        name = f"down.{channels // width}"
        tensor = graph.conv(name, tensor, (channels, 2 * channels), 3, stride=stride, padding=1, gain=_LEAKY_GAIN)
        tensor = _leaky(graph, tensor)
    for block in range(blocks):
        tensor = _styled_block(graph, f"styled.{block}", tensor, wide)
    for before, after, enlarge in ((8, 4, True), (4, 2, True), (2, 1, False)):
        tensor = _double(graph, tensor) if enlarge else tensor
        tensor = graph.conv(f"up.{before}", tensor, (before * width, after * width), 3, padding=1, gain=_LEAKY_GAIN)
        tensor = _leaky(graph, tensor)
    tensor = graph.conv("leave", _reflect(graph, tensor, 3), (width, 3), 7, gain=0.5)
    tensor = graph.node("Add", graph.node("Tanh", tensor), graph.constant(1.0, np.float32))
    graph.node("Div", tensor, graph.constant(2.0, np.float32), output="output")
    graph.weight("emap", normal(graph.rng, (EMBEDDING, EMBEDDING), 1 / math.sqrt(EMBEDDING)))
    picture = [1, 3, 128, 128]
    return graph.model({"target": picture, "source": [1, EMBEDDING]}, {"output": picture})


def _styled_block(graph: GraphWriter, name: str, tensor: str, channels: int) -> str:
    """Two convolutions, each normalised and then coloured by the source's identity, around a shortcut."""
    inner = tensor
    for half in (1, 2):
        inner = graph.conv(f"{name}.{half}", _reflect(graph, inner, 1), (channels, channels), 3, gain=1.0)
        centred = graph.node("Sub", inner, _mean(graph, inner))
        power = _mean(graph, graph.node("Mul", centred, centred))
        deviation = graph.node("Sqrt", graph.node("Add", power, graph.constant(1e-8, np.float32)))
        inverse = graph.node("Div", graph.constant(1.0, np.float32), deviation)
        normalised = graph.node("Mul", centred, inverse)
        size = 1.0 if half == 1 else _BRANCH
        scale_shift = np.repeat(np.array([size, 0], np.float32), channels)
        # The identity has length 1: its 512 numbers are about 1 / sqrt(512) each.
        gain = 0.3 * size * math.sqrt(EMBEDDING)
        style = graph.linear(f"{name}.style.{half}", "source", EMBEDDING, scale_shift, gain=gain)
        for axis in (2, 3):
            style = graph.node("Unsqueeze", style, axes=[axis])
        scale, shift = (_slice(graph, style, start, start + channels) for start in (0, channels))
        inner = graph.node("Add", graph.node("Mul", normalised, scale), shift)
        inner = graph.node("Relu", inner) if half == 1 else inner
    return graph.node("Add", tensor, inner)


def _leaky(graph: GraphWriter, tensor: str) -> str:
    return graph.node("LeakyRelu", tensor, alpha=_LEAKY_SLOPE)


def _reflect(graph: GraphWriter, tensor: str, margin: int) -> str:
    pads = graph.constant([0, 0, margin, margin, 0, 0, margin, margin], np.int64)
    return graph.node("Pad", tensor, pads, mode="reflect")


def _mean(graph: GraphWriter, tensor: str) -> str:
    return graph.node("ReduceMean", tensor, axes=[2, 3], keepdims=1)


def _slice(graph: GraphWriter, tensor: str, start: int, end: int) -> str:
    starts, ends, axes, steps = (graph.constant([number], np.int64) for number in (start, end, 1, 1))
    return graph.node("Slice", tensor, starts, ends, axes, steps)


def _double(graph: GraphWriter, tensor: str) -> str:
    region, scales = graph.constant([], np.float32), graph.constant([1, 1, 2, 2], np.float32)
    return graph.node(
        "Resize",
        tensor,
        region,
        scales,
        coordinate_transformation_mode="pytorch_half_pixel",
        cubic_coeff_a=-0.75,
        mode="linear",
        nearest_mode="floor",
    )


def recogniser(width: int = 64, layers: tuple[int, ...] = _RECOGNISER_LAYERS) -> onnx.ModelProto:
    """Make a network with the architecture of ``w600k_r50.onnx`` (IResNet-50); smaller arguments keep its contract.

    Input ``input.1`` (None, 3, 112, 112), output ``683`` (None, 512), declared as (1, 512) as in the real one.
    """
    graph = GraphWriter(seed=50)
    tensor = graph.conv("conv1", "input.1", (3, width), 3, padding=1)
    tensor = _prelu(graph, "prelu", tensor, width)
    widths = [width, *(width << stage for stage in range(len(layers)))]
    for stage, ((inward, outward), count) in enumerate(zip(pairwise(widths), layers, strict=True), 1):
        for block in range(count):
            first = block == 0
            tensor = _residual_block(
                graph,
                f"layer{stage}.{block}",
                tensor,
                (inward if first else outward, outward),
                stride=2 if first else 1,
            )
    tensor = graph.batch_norm("bn2", tensor, widths[-1])
    side = 112 >> len(layers)
    tensor = graph.node("Flatten", tensor, axis=1)
    tensor = graph.linear("fc", tensor, widths[-1] * side * side, np.zeros(EMBEDDING, np.float32))
    graph.batch_norm("features", tensor, EMBEDDING, output="683")
    return graph.model({"input.1": ["None", 3, 112, 112]}, {"683": [1, EMBEDDING]})


def _residual_block(graph: GraphWriter, name: str, tensor: str, channels: tuple[int, int], *, stride: int) -> str:
    inward, outward = channels
    inner = graph.batch_norm(f"{name}.bn1", tensor, inward)
    inner = graph.conv(f"{name}.conv1", inner, (inward, outward), 3, padding=1, gain=1.0)
    inner = _prelu(graph, f"{name}.prelu", inner, outward)
    inner = graph.conv(f"{name}.conv2", inner, (outward, outward), 3, stride=stride, padding=1, gain=0.5)
    if stride != 1 or inward != outward:
        tensor = graph.conv(f"{name}.downsample", tensor, (inward, outward), 1, stride=stride, gain=1.0)
    return graph.node("Add", inner, tensor)


def _prelu(graph: GraphWriter, name: str, tensor: str, channels: int) -> str:
    slopes = graph.rng.uniform(0.05, 0.45, (channels, 1, 1)).astype(np.float32)
    return graph.node("PRelu", tensor, graph.weight(f"{name}.weight", slopes))
