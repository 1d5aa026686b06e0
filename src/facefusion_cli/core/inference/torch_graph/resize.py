"""Padding and resizing: where each element of the result comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from facefusion_cli.core.inference.torch_graph.base import UnsupportedGraphError, ints

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from facefusion_cli.core.inference.torch_graph.base import Kernel, Operator, Site

__all__ = ["resize_operators"]

_COORDINATES = ("asymmetric", "half_pixel", "align_corners", "pytorch_half_pixel")
_ROUNDING = ("floor", "ceil", "round_prefer_floor", "round_prefer_ceil")


def _coordinates(mode: str, length: int, result: int, scale: np.float32) -> NDArray[np.float32]:
    """Where each element of the result lies on the axis it comes from, in float32 as onnxruntime computes it."""
    there = np.arange(result, dtype=np.float32)
    half = np.float32(0.5)
    if mode == "asymmetric":
        return np.asarray(there / scale, np.float32)
    if mode == "align_corners":
        if result == 1:
            return np.zeros(1, np.float32)
        return np.asarray(there * np.float32(length - 1) / np.float32(result - 1), np.float32)
    if mode == "pytorch_half_pixel" and result == 1:
        return np.zeros(1, np.float32)
    return np.asarray((there + half) / scale - half, np.float32)


def _nearest(mode: str, coordinates: NDArray[np.float32], length: int) -> NDArray[np.int64]:
    """The indices of the nearest elements.

    Raises:
        UnsupportedGraphError: the last bit of a coordinate decides, and implementations differ in it.
    """
    # In float64, where adding a half rounds nothing.
    where = coordinates.astype(np.float64)
    halves = mode.startswith("round")
    beside = np.abs((edges := where + 0.5 * halves) - np.round(edges))
    if np.any((beside > 0) & (beside < 1e-4)):
        raise UnsupportedGraphError("Resize to the nearest elements by scales that rounding decides is not supported.")
    if mode == "round_prefer_floor":
        where = np.ceil(where - 0.5)
    elif mode == "round_prefer_ceil":
        where = np.floor(where + 0.5)
    else:
        where = np.floor(where) if mode == "floor" else np.ceil(where)
    return np.clip(where, 0, length - 1).astype(np.int64)


def _picked(value: torch.Tensor, axis: int, where: NDArray[np.int64]) -> torch.Tensor:
    """Elements along an axis by their indices, quickly where channels come last in memory, and keeping them there."""
    import torch

    indices = torch.from_numpy(where).to(value.device)
    if value.ndim == 4 and value.is_contiguous(memory_format=torch.channels_last):
        return value.permute(0, 2, 3, 1).index_select((0, 3, 1, 2)[axis], indices).permute(0, 3, 1, 2)
    return value.index_select(axis, indices)


class _Resize:
    """Nearest or linear, one axis after another."""

    def __init__(self, site: Site) -> None:
        self.linear = site.attribute("mode") in ("linear", "bilinear")
        site.require(self.linear or site.attribute("mode") == "nearest", f"is {site.attribute('mode')}")
        # Before version 11 there was but one way.
        self.coordinates: str = site.attribute("coordinate_transformation_mode", "asymmetric")
        self.rounding: str = site.attribute("nearest_mode", "floor")
        site.require(self.coordinates in _COORDINATES, f"counts coordinates as {self.coordinates}")
        site.require(self.rounding in _ROUNDING, f"rounds to the nearest by {self.rounding}")
        site.require(not site.attribute("antialias", 0), "is antialiased")
        site.require(site.attribute("keep_aspect_ratio_policy", "stretch") == "stretch", "keeps the aspect ratio")
        self.axes: list[int] | None = site.attribute("axes")
        self.older = site.node.op == "Upsample" or site.version < 11

    def __call__(self, value: torch.Tensor, scales: list[float] | None, sizes: list[int] | None) -> torch.Tensor:
        from torch.nn.functional import interpolate

        axes = list(range(value.ndim)) if self.axes is None else [axis % value.ndim for axis in self.axes]
        lengths, ratios = list(value.shape), [np.float32(1)] * value.ndim
        for at, axis in enumerate(axes):
            length = value.shape[axis]
            if scales is not None:
                ratios[axis] = np.float32(scales[at])
                lengths[axis] = int(np.floor(np.float32(length) * ratios[axis]))
            elif sizes is not None and not (axis == 0 and sizes[at] == 1):
                # A size of 1 on the first axis is the batch that the network was exported with.
                ratios[axis] = np.float32(sizes[at]) / np.float32(length)
                lengths[axis] = sizes[at]
        if value.ndim < 3 or any(ratio != 1 for ratio in ratios[:2]) or not value.is_floating_point():
            raise UnsupportedGraphError("Resize of anything but the spatial axes of floats is not supported.")
        if self.older and not self.linear and any(ratio < 1 for ratio in ratios):
            raise UnsupportedGraphError("Resize to fewer, nearest elements was not defined before version 11.")
        if any(length == was and ratio != 1 for length, was, ratio in zip(lengths, value.shape, ratios, strict=True)):
            raise UnsupportedGraphError("Resize by scales that change no length is not defined well enough.")
        if self._is_torch_linear(value, lengths, ratios):
            return interpolate(value, lengths[2:], mode="bilinear", align_corners=self.coordinates == "align_corners")
        for axis, ratio in enumerate(ratios):
            if ratio != 1:
                value = self._along(value, axis, lengths[axis], ratio)
        return value

    def _is_torch_linear(self, value: torch.Tensor, lengths: list[int], ratios: list[np.float32]) -> bool:
        """Whether torch's own kernel does the same, given the lengths alone."""
        if value.ndim != 4 or not self.linear or self.coordinates == "asymmetric":
            return False
        if self.coordinates == "align_corners":
            return True
        if self.coordinates == "pytorch_half_pixel" and 1 in lengths[2:]:
            return False
        # It finds the scales from the lengths; one of which something was cut off is another.
        return all(
            np.float32(length) / np.float32(was) == ratio
            for length, was, ratio in zip(lengths[2:], value.shape[2:], ratios[2:], strict=True)
        )

    def _along(self, value: torch.Tensor, axis: int, result: int, scale: np.float32) -> torch.Tensor:
        import torch

        length = value.shape[axis]
        where = _coordinates(self.coordinates, length, result, scale)
        if not self.linear:
            return _picked(value, axis, _nearest(self.rounding, where, length))
        where = np.clip(where, 0, length - 1)
        low = np.floor(where)
        high = np.minimum(low + 1, length - 1)
        shape = [1] * value.ndim
        shape[axis] = result
        weight = torch.from_numpy(where - low).reshape(shape).to(value.device, value.dtype)
        return torch.lerp(
            _picked(value, axis, low.astype(np.int64)), _picked(value, axis, high.astype(np.int64)), weight
        )


def _resize(site: Site) -> Kernel:
    resize = _Resize(site)
    site.read |= {1, 2, 3}

    def run(value: torch.Tensor, *others: torch.Tensor | None) -> torch.Tensor:
        # Version 10 has scales alone; later ones a region (for cropping) before them and sizes after.
        given = [None if other is None or other.numel() == 0 else other for other in others]
        scales = given[0] if site.version == 10 else (given[1] if len(given) > 1 else None)
        sizes = given[2] if len(given) > 2 else None
        return resize(
            value,
            None if scales is None else [float(scale) for scale in scales.tolist()],
            None if sizes is None else ints(sizes),
        )

    return run


def _upsample(site: Site) -> Kernel:
    resize = _Resize(site)
    fixed = site.attribute("scales")
    site.read.add(1)
    return lambda value, scales=None: resize(value, fixed if scales is None else scales.tolist(), None)


def _reflected(length: int, before: int, after: int) -> NDArray[np.int64]:
    if max(before, after) >= length:
        raise ValueError(f"Pad: {before} and {after} cannot be reflected from {length} elements.")
    where = np.abs(np.arange(-before, length + after, dtype=np.int64))
    return np.asarray(length - 1 - np.abs(length - 1 - where), np.int64)


def _repeated(length: int, before: int, after: int) -> NDArray[np.int64]:
    return np.clip(np.arange(-before, length + after), 0, length - 1).astype(np.int64)


def _pad(site: Site) -> Kernel:
    from torch.nn.functional import pad

    mode: str = site.attribute("mode")
    site.require(mode in ("constant", "reflect", "edge"), f"fills in the way {mode}")
    fixed: list[int] | None = site.attribute("pads")
    axes = site.take_ints("axes", 3) if site.version >= 18 else None
    site.read |= {1, 2}
    fill = site.attribute("value", 0.0) if site.version < 11 else None

    def around(value: torch.Tensor, pads: list[int]) -> list[tuple[int, int]]:
        """Before and after, for every axis."""
        pairs = [(0, 0)] * value.ndim
        along = range(value.ndim) if axes is None else axes
        half = len(pads) // 2
        for axis, before, after in zip(along, pads[:half], pads[half:], strict=True):
            pairs[axis] = (before, after)
        return pairs

    def run(
        value: torch.Tensor, pads: torch.Tensor | None = None, constant: torch.Tensor | None = None, _: None = None
    ) -> torch.Tensor:
        if fixed is not None:
            pairs = around(value, fixed)
        else:
            assert pads is not None
            pairs = around(value, ints(pads))
        if mode == "constant":
            filler = fill if fill is not None else (0 if constant is None else constant.item())
            return pad(value, [one for pair in reversed(pairs) for one in pair], value=filler)
        if any(one < 0 for pair in pairs for one in pair):
            raise UnsupportedGraphError(f"Pad that cuts off in mode {mode} is not supported.")
        if mode == "reflect" and value.ndim == 4 and pairs[:2] == [(0, 0), (0, 0)] and value.is_floating_point():
            return pad(value, [*pairs[3], *pairs[2]], mode="reflect")
        for axis, (before, after) in enumerate(pairs):
            if before or after:
                where = (_reflected if mode == "reflect" else _repeated)(value.shape[axis], before, after)
                value = _picked(value, axis, where)
        return value

    return run


def resize_operators() -> dict[str, Operator]:
    """By name: what builds the operator, and the versions that are followed."""
    return {
        "Pad": (_pad, frozenset({2, 11, 13, 18, 19, 21})),
        "Resize": (_resize, frozenset({10, 11, 13, 18, 19})),
        "Upsample": (_upsample, frozenset({7, 9})),
    }
