"""Operators that move elements about, and those that compute with shapes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from facefusion_cli.core.inference.torch_graph.base import UnsupportedGraphError, alike, always, ints

if TYPE_CHECKING:
    import torch

    from facefusion_cli.core.inference.torch_graph.base import Kernel, Operator, Site

__all__ = ["element_type", "shape_operators"]


def element_type(site: Site, onnx_type: int) -> torch.dtype:
    """The torch type for an ONNX element type. All floats are float32 until a convolution makes them less."""
    import torch
    from onnx import TensorProto, helper

    types: dict[int, torch.dtype] = {
        TensorProto.FLOAT: torch.float32,
        TensorProto.FLOAT16: torch.float32,
        TensorProto.INT64: torch.int64,
        TensorProto.INT32: torch.int32,
        TensorProto.BOOL: torch.bool,
    }
    if onnx_type not in types:
        site.refuse(f"is of type {helper.tensor_dtype_to_string(onnx_type)}")
    return types[onnx_type]


def _dropout(site: Site) -> Kernel:
    """Does nothing outside training."""
    site.require(len(site.node.outputs) == 1, "gives its mask")
    if site.version >= 12:
        site.take(1, "ratio")
        training = site.take(2, "mode")
        site.require(training is None or not training.item(), "is in training mode")
    return lambda value, *_: value


def _constant(site: Site) -> Kernel:
    import torch
    from onnx import numpy_helper

    attributes = site.node.attributes
    if "value" in attributes:
        kind = element_type(site, attributes["value"].data_type)
        value = torch.tensor(numpy_helper.to_array(attributes["value"]), dtype=kind)
    else:
        kinds = {"value_float": np.float32, "value_floats": np.float32, "value_int": np.int64, "value_ints": np.int64}
        names = attributes.keys() & kinds.keys()
        site.require(len(names) == 1, "is neither a tensor nor numbers")
        (name,) = names
        value = torch.tensor(np.asarray(attributes[name], dtype=kinds[name]))
    return lambda: value


def _constant_of_shape(site: Site) -> Kernel:
    import torch
    from onnx import numpy_helper

    fill = site.attribute("value")
    kind = torch.float32 if fill is None else element_type(site, fill.data_type)
    value = 0.0 if fill is None else numpy_helper.to_array(fill).item()
    return lambda shape: torch.full(ints(shape), value, dtype=kind)


def _shape(site: Site) -> Kernel:
    import torch

    start, end = site.attribute("start", 0), site.attribute("end")
    return lambda value: torch.tensor(value.shape[start:end], dtype=torch.int64)


def _range(start: torch.Tensor, limit: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
    import torch

    if start.is_floating_point():
        raise UnsupportedGraphError("Range of floats is not supported.")
    return torch.tensor(range(int(start), int(limit), int(step)), dtype=start.dtype)


def _cast(site: Site) -> Kernel:
    kind = element_type(site, site.attribute("to"))

    def run(value: torch.Tensor) -> torch.Tensor:
        if kind.is_floating_point:
            return value if value.is_floating_point() else value.to(kind)
        # Integers live on the CPU, where shapes are computed.
        return value.to("cpu", kind)

    return run


def _reshape(site: Site) -> Kernel:
    literal_zero = bool(site.attribute("allowzero", 0))

    def run(value: torch.Tensor, shape: torch.Tensor) -> torch.Tensor:
        lengths = ints(shape)
        if not literal_zero:
            lengths = [value.shape[axis] if length == 0 else length for axis, length in enumerate(lengths)]
        # Exported for a batch of one: a shape that fits no other batch names the 1 it was traced with.
        if lengths and lengths[0] == 1 < value.shape[0] and value.numel() == value.shape[0] * math.prod(lengths):
            lengths[0] = value.shape[0]
        return value.reshape(lengths)

    return run


def _flatten(site: Site) -> Kernel:
    axis = int(site.attribute("axis"))

    def run(value: torch.Tensor) -> torch.Tensor:
        first = axis + value.ndim if axis < 0 else axis
        return value.reshape(math.prod(value.shape[:first]), math.prod(value.shape[first:]))

    return run


def _transpose(site: Site) -> Kernel:
    order = site.attribute("perm")
    return lambda value: value.permute(order if order is not None else tuple(range(value.ndim))[::-1])


def _squeeze(site: Site) -> Kernel:
    axes = site.take_ints("axes", 1)
    if not axes:
        # onnxruntime takes a list that is empty for one that is absent.
        return lambda value, *_: value.squeeze()

    def run(value: torch.Tensor, *_: None) -> torch.Tensor:
        if any(value.shape[axis] != 1 for axis in axes):
            raise ValueError(f"Squeeze: an axis of {tuple(value.shape)} in {axes} is not of length 1.")
        return value.squeeze(tuple(axes))

    return run


def _unsqueeze(site: Site) -> Kernel:
    axes = site.take_ints("axes", 1)
    assert axes is not None

    def run(value: torch.Tensor, *_: None) -> torch.Tensor:
        rank = value.ndim + len(axes)
        for axis in sorted(axis % rank for axis in axes):
            value = value.unsqueeze(axis)
        return value

    return run


def _concat(site: Site) -> Kernel:
    import torch

    axis = int(site.attribute("axis"))
    return lambda *values: torch.cat(alike(*values), axis)


def _split(site: Site) -> Kernel:
    import torch

    axis = int(site.attribute("axis"))
    sizes = site.take_ints("split", 1)
    parts = len(site.node.outputs)

    def run(value: torch.Tensor, *_: None) -> tuple[torch.Tensor, ...]:
        lengths = sizes
        if lengths is None:
            # Equal parts; from version 18 on the last may be shorter.
            whole = value.shape[axis]
            part = -(-whole // parts)
            lengths = [part] * (parts - 1) + [whole - part * (parts - 1)]
            if lengths[-1] != part and (site.version < 18 or lengths[-1] < 0):
                raise ValueError(f"Split: {whole} elements do not make {parts} equal parts.")
        return torch.split(value, lengths, axis)

    return run


def _slice(site: Site) -> Kernel:
    import torch

    def cut(value: torch.Tensor, start: int, end: int, axis: int, step: int) -> torch.Tensor:
        axis %= value.ndim
        where = range(value.shape[axis])[slice(start, end, step)]
        if step > 0:
            last = where[-1] + 1 if where else where.start
            return value[(slice(None),) * axis + (slice(where.start, last, step),)]
        return value.index_select(axis, torch.tensor(where, dtype=torch.int64, device=value.device))

    if site.version < 10:
        starts, ends = site.attribute("starts"), site.attribute("ends")
        axes = site.attribute("axes") or range(len(starts))
        fixed = list(zip(starts, ends, axes, strict=True))

        def run_fixed(value: torch.Tensor) -> torch.Tensor:
            for start, end, axis in fixed:
                value = cut(value, start, end, axis, 1)
            return value

        return run_fixed

    def run(
        value: torch.Tensor,
        starts: torch.Tensor,
        ends: torch.Tensor,
        axes: torch.Tensor | None = None,
        steps: torch.Tensor | None = None,
    ) -> torch.Tensor:
        first, last = ints(starts), ints(ends)
        along = list(range(len(first))) if axes is None else ints(axes)
        by = [1] * len(first) if steps is None else ints(steps)
        for start, end, axis, step in zip(first, last, along, by, strict=True):
            value = cut(value, start, end, axis, step)
        return value

    return run


def _gather(site: Site) -> Kernel:
    import torch

    axis = int(site.attribute("axis"))

    def run(value: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
        along = axis % value.ndim
        length = value.shape[along]
        flat = indices.reshape(-1).to(torch.int64)
        flat = torch.where(flat < 0, flat + length, flat).to(value.device)
        picked = value.index_select(along, flat)
        return picked.reshape(value.shape[:along] + indices.shape + value.shape[along + 1 :])

    return run


def _expand(value: torch.Tensor, shape: torch.Tensor) -> torch.Tensor:
    return value.expand(np.broadcast_shapes(value.shape, tuple(ints(shape))))


def shape_operators() -> dict[str, Operator]:
    """By name: what builds the operator, and the versions that are followed."""
    return {
        "Cast": (_cast, frozenset({6, 9, 13, 19, 21})),
        "Concat": (_concat, frozenset({4, 11, 13})),
        "Constant": (_constant, frozenset({1, 9, 11, 12, 13, 19, 21})),
        "ConstantOfShape": (_constant_of_shape, frozenset({9, 20, 21})),
        "Dropout": (_dropout, frozenset({7, 10, 12, 13})),
        "Expand": (always(_expand), frozenset({8, 13})),
        "Flatten": (_flatten, frozenset({9, 11, 13, 21})),
        "Gather": (_gather, frozenset({1, 11, 13})),
        "Identity": (always(lambda value: value), frozenset({1, 13, 14, 16, 19, 21})),
        "Range": (always(_range), frozenset({11})),
        "Reshape": (_reshape, frozenset({5, 13, 14, 19, 21})),
        "Shape": (_shape, frozenset({1, 13, 15, 19, 21})),
        "Slice": (_slice, frozenset({1, 10, 11, 13})),
        "Split": (_split, frozenset({2, 11, 13, 18})),
        "Squeeze": (_squeeze, frozenset({1, 11, 13, 21})),
        "Transpose": (_transpose, frozenset({1, 13, 21})),
        "Unsqueeze": (_unsqueeze, frozenset({1, 11, 13, 21})),
    }
