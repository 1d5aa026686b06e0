"""A detector with the contract of ``det_10g.onnx`` that needs no training: it finds a painted mark, not a face.

The mark is a square, its upper half pure green, its lower half pure blue. Like SCRFD the network sees what is 48 to 384
pixels large (a mark of 8 to 64 pixels) and, unlike it, only what is tilted by less than 45 degrees, and it always takes
it for upright. So what a program does about sizes and turns can be tested, the decoding included.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from _replica_graph import GraphWriter

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx

__all__ = ["FACE_OVER_MARK", "detector"]

FACE_OVER_MARK = 6
"""Side of the boxes it answers with over the side of the mark."""

_STRIDES = (8, 16, 32)
_WINDOW = 5  # strides: what is around an anchor that its answer depends on
_SCORE = 0.9
_ANCHORS = 2  # a place; the second never answers


def detector(
    middle: tuple[float, float], points: Sequence[Sequence[float]], side: int | None = None
) -> onnx.ModelProto:
    """Make it: input ``input.1`` (1, 3, H, W), RGB, (x - 127.5) / 128; nine outputs (N, 1), (N, 4), (N, 10).

    ``middle``: of the box, from the middle of the mark, in sides of the mark; ``points``: the same of the five points.
    ``side``: height and width of the input, None for free ones.
    """
    graph = GraphWriter(seed=0)
    # How green, how blue, and how much of both a pixel is: 2 where it is pure. The last is linear in between.
    colours = np.array([[-0.5, 1, -0.5], [-0.5, -0.5, 1], [-2, 1, 1]], np.float32).reshape(3, 3, 1, 1)
    bias = graph.weight("colour.bias", np.array([-1.2, -1.2, -0.4], np.float32))
    masks = graph.node("Conv", "input.1", graph.weight("colour.weight", colours), bias, kernel_shape=[1, 1])
    scales = graph.constant(np.array([1.26, 1.26, 0.628]).reshape(1, 3, 1, 1), np.float32)
    masks = graph.node("Clip", graph.node("Mul", masks, scales), _number(graph, 0), _number(graph, 1))
    outputs: dict[str, Sequence[int | str]] = {}
    for stride in _STRIDES:
        score, box, five = _answers(graph, masks, stride, middle, points)
        for name, tensor, size in (("score", score, 1), ("bbox", box, 4), ("kps", five, 10)):
            _flat(graph, tensor, size, f"{name}_{stride}")
    rows = "N" if side is None else None
    for name, size in (("score", 1), ("bbox", 4), ("kps", 10)):
        for stride in _STRIDES:
            outputs[f"{name}_{stride}"] = [rows or _ANCHORS * ((side or 0) // stride) ** 2, size]
    return graph.model({"input.1": [1, 3, side or "H", side or "W"]}, outputs)


def _answers(
    graph: GraphWriter, masks: str, stride: int, middle: tuple[float, float], points: Sequence[Sequence[float]]
) -> tuple[str, str, str]:
    """Scores, distances to the box's sides and to the points, the latter two in strides."""
    window = _WINDOW * stride
    before = window // 2
    offsets = np.arange(window, dtype=np.float32) - before
    x, y = np.meshgrid(offsets, offsets)
    kernels = np.zeros((7, 3, window, window), np.float32)
    wanted = [(0, np.ones_like(x)), (0, y), (1, np.ones_like(x)), (1, y), (2, np.ones_like(x)), (2, x), (2, y)]
    for row, (mask, values) in enumerate(wanted):
        kernels[row, mask] = values
    after = window - stride - before
    moments = graph.node(
        "Conv",
        masks,
        graph.weight(f"moments.{stride}", kernels),
        kernel_shape=[window, window],
        strides=[stride, stride],
        pads=[before, before, after, after],
    )
    green, green_y, blue, blue_y, area, *moment = (_channel(graph, moments, index) for index in range(7))
    side = graph.node("Sqrt", area)
    centre = [_mean(graph, one, area) for one in moment]
    down = graph.node("Sub", _mean(graph, blue_y, blue), _mean(graph, green_y, green))
    conditions = [
        graph.node("Greater", side, _number(graph, stride - 1e-3)),
        graph.node("Less", side, _number(graph, 2 * stride)),
        graph.node("Greater", green, graph.node("Mul", area, _number(graph, 0.25))),
        graph.node("Greater", down, graph.node("Mul", side, _number(graph, 0.35))),  # half the side, were it upright
        *(graph.node("Less", graph.node("Abs", one), _number(graph, stride / 2 + 0.01)) for one in centre),
    ]
    score = _number(graph, _SCORE)
    for condition in conditions:
        score = graph.node("Mul", score, graph.node("Cast", condition, to=1))
    half = FACE_OVER_MARK / 2
    corners = [(middle[0] - half, 0, -1), (middle[1] - half, 1, -1), (middle[0] + half, 0, 1), (middle[1] + half, 1, 1)]
    box = [_distance(graph, centre[axis], side, place, sign / stride) for place, axis, sign in corners]
    five = [_distance(graph, centre[axis], side, point[axis], 1 / stride) for point in points for axis in (0, 1)]
    return score, graph.node("Concat", *box, axis=1), graph.node("Concat", *five, axis=1)


def _distance(graph: GraphWriter, centre: str, side: str, place: float, scale: float) -> str:
    """From the anchor to a place given in sides of the mark from its middle."""
    there = graph.node("Add", centre, graph.node("Mul", side, _number(graph, place)))
    return graph.node("Mul", there, _number(graph, scale))


def _flat(graph: GraphWriter, tensor: str, size: int, name: str) -> None:
    """As SCRFD gives it: a row an anchor."""
    silent = graph.node("Mul", tensor, _number(graph, 0))
    both = graph.node("Concat", tensor, silent, axis=1)
    rows = graph.node("Transpose", both, perm=[0, 2, 3, 1])
    graph.node("Reshape", rows, graph.constant([-1, size], np.int64), output=name)


def _mean(graph: GraphWriter, moment: str, area: str) -> str:
    return graph.node("Div", moment, graph.node("Add", area, _number(graph, 1e-6)))


def _channel(graph: GraphWriter, tensor: str, index: int) -> str:
    starts, ends, axes, steps = (graph.constant([number], np.int64) for number in (index, index + 1, 1, 1))
    return graph.node("Slice", tensor, starts, ends, axes, steps)


def _number(graph: GraphWriter, value: float) -> str:
    return graph.constant(value, np.float32)
