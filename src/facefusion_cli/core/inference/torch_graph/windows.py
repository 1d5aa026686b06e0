"""Windows that slide over a value: how they are padded and how many there are; and the pools."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from facefusion_cli.core.inference.torch_graph.base import UnsupportedGraphError, always, wide

if TYPE_CHECKING:
    import torch

    from facefusion_cli.core.inference.torch_graph.base import Kernel, Operator, Site

__all__ = ["Windows", "pooling_operators"]


class Windows:
    """The geometry that convolutions and pools share, in the words of the ONNX definition."""

    def __init__(self, site: Site, kernel: list[int]) -> None:
        rank = len(kernel)
        named = site.attribute("kernel_shape")
        site.require(named is None or list(named) == kernel, "has weights of another kernel shape")
        self.op = site.node.op
        self.kernel = kernel
        self.strides: list[int] = list(site.attribute("strides") or [1] * rank)
        self.dilations: list[int] = list(site.attribute("dilations") or [1] * rank)
        self.ceil = bool(site.attribute("ceil_mode", 0))
        pads = list(site.attribute("pads") or [0] * (2 * rank))
        self.mode: str = site.attribute("auto_pad", "NOTSET")
        site.require(self.mode in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"), f"pads in the way {self.mode}")
        if self.mode == "VALID":
            pads = [0] * (2 * rank)
        site.require(len(pads) == 2 * rank and len(self.strides) == rank, "has attributes of another rank")
        site.require(min(pads) >= 0, "has negative pads")
        site.require(not (self.ceil and self.mode.startswith("SAME")), "rounds up and pads by itself")
        self.fixed = not self.mode.startswith("SAME")
        """Whether the pads are known before the value is."""
        self.begin, self.end = pads[:rank], pads[rank:]

    def pads(self, value: torch.Tensor) -> tuple[list[int], list[int]]:
        """How much is added before and after each axis of this value."""
        if self.fixed:
            return self.begin, self.end
        begin, end = [], []
        for length, size, stride, dilation in zip(
            value.shape[2:], self.kernel, self.strides, self.dilations, strict=True
        ):
            windows = -(-length // stride)
            total = max((windows - 1) * stride + (size - 1) * dilation + 1 - length, 0)
            less, more = total // 2, total - total // 2
            begin.append(less if self.mode == "SAME_UPPER" else more)
            end.append(more if self.mode == "SAME_UPPER" else less)
        return begin, end

    def padded(
        self, value: torch.Tensor, fill: float, limit: list[int] | None = None
    ) -> tuple[torch.Tensor, list[int]]:
        """The value and the padding that torch is to add to it: both sides alike, within the limit, or else none."""
        from torch.nn.functional import pad

        begin, end = self.pads(value)
        if begin == end and (limit is None or all(one <= most for one, most in zip(begin, limit, strict=True))):
            return value, begin
        around = [one for pair in zip(reversed(begin), reversed(end), strict=True) for one in pair]
        return pad(value, around, value=fill), [0] * len(begin)

    def overhang(self, value: torch.Tensor) -> int:
        """By how many elements the last windows reach beyond the padded value, where their number is rounded up.

        Definitions and their implementations disagree on a last window that starts in the padding: that is refused.
        """
        if not self.ceil:
            return 0
        most = 0
        for axis, length in enumerate(value.shape[2:]):
            reach = (self.kernel[axis] - 1) * self.dilations[axis] + 1
            whole = length + self.begin[axis] + self.end[axis]
            last = math.ceil((whole - reach) / self.strides[axis]) * self.strides[axis]
            if last >= length + self.begin[axis]:
                raise UnsupportedGraphError(f"{self.op} has a last window that starts in the padding.")
            most = max(most, last + reach - whole)
        return most


def _max_pool(site: Site) -> Kernel:
    from torch.nn import functional

    site.require(len(site.node.outputs) == 1, "gives indices")
    kernel = list(site.attribute("kernel_shape"))
    site.require(len(kernel) in (1, 2), f"has {len(kernel)} axes")
    windows = Windows(site, kernel)
    half = [size // 2 for size in kernel]
    pool = functional.max_pool2d if len(kernel) == 2 else functional.max_pool1d

    def run(value: torch.Tensor) -> torch.Tensor:
        windows.overhang(value)
        value, padding = windows.padded(value, -math.inf, half)
        return pool(value, kernel, windows.strides, padding, windows.dilations, ceil_mode=windows.ceil)

    return run


def _average_pool(site: Site) -> Kernel:
    from torch.nn import functional

    kernel = list(site.attribute("kernel_shape"))
    site.require(len(kernel) == 2, f"has {len(kernel)} axes")
    windows = Windows(site, kernel)
    site.require(set(windows.dilations) == {1}, "is dilated")
    with_pads = bool(site.attribute("count_include_pad", 0))
    half = [size // 2 for size in kernel]
    if not with_pads:
        # Only torch itself can leave them out of the mean.
        within = all(one <= most for one, most in zip(windows.begin, half, strict=True))
        site.require(windows.fixed and windows.begin == windows.end and within, "has uneven pads that do not count")

    def run(value: torch.Tensor) -> torch.Tensor:
        if windows.overhang(value) and with_pads:
            raise UnsupportedGraphError("AveragePool that rounds up and counts its padding is not supported.")
        value, padding = windows.padded(value, 0.0, half)
        return functional.avg_pool2d(value, kernel, windows.strides, padding, windows.ceil, with_pads)

    return run


def _global_average_pool(value: torch.Tensor) -> torch.Tensor:
    return wide(value).mean(tuple(range(2, value.ndim)), True)


def pooling_operators() -> dict[str, Operator]:
    """By name: what builds the operator, and the versions that are followed."""
    return {
        "AveragePool": (_average_pool, frozenset({7, 10, 11, 19})),
        "GlobalAveragePool": (always(_global_average_pool), frozenset({1})),
        "MaxPool": (_max_pool, frozenset({8, 10, 11, 12})),
    }
