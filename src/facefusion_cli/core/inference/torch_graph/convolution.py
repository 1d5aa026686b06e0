"""Convolutions, matrix products and batch normalisation: where the time goes, in the precision asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facefusion_cli.core.inference.torch_graph.base import alike, arranged, wide
from facefusion_cli.core.inference.torch_graph.onednn import convolution, serves, transposed_convolution
from facefusion_cli.core.inference.torch_graph.windows import Windows

if TYPE_CHECKING:
    import torch

    from facefusion_cli.core.inference.torch_graph.base import Kernel, Operator, Site

__all__ = ["convolution_operators"]

_FEW_CHANNELS = 8
"""A convolution that reads no more than these reads pictures. It costs little and its errors are the ones that later
normalisations enlarge most, so it stays in float32."""


def _scaled(
    site: Site, weight: torch.Tensor, bias: torch.Tensor | None, axis: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight and bias with the batch normalisation that followed multiplied in, in float64."""
    import torch

    assert site.node.affine is not None
    scale, shift = site.node.affine
    shape = [1] * weight.ndim
    shape[axis] = -1
    folded = weight.double().mul_(scale.reshape(shape)).float()
    base = torch.zeros_like(shift) if bias is None else bias.double()
    return folded, (base * scale + shift).float()


def _filters(site: Site, axis: int) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Weight and bias as float32 on the CPU; ``axis`` of the weight is that of the channels given."""
    weight, bias = site.take(1, "weights"), site.take(2, "bias")
    assert weight is not None
    site.require(weight.ndim in (3, 4), f"has weights of {weight.ndim} axes")
    if site.node.affine is not None:
        return _scaled(site, weight, bias, axis)
    return weight, bias


def _placed(
    weight: torch.Tensor, bias: torch.Tensor | None, device: str, dtype: torch.dtype
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Weight and bias where they are needed, as they are needed: channels last in memory, which all backends prefer."""
    import torch

    layout = torch.channels_last if weight.ndim == 4 else torch.contiguous_format
    weight = weight.to(device, dtype).contiguous(memory_format=layout)
    return weight, None if bias is None else bias.to(device, dtype)


def _conv(site: Site) -> Kernel:
    import torch
    from torch.nn import functional

    weight, bias = _filters(site, 0)
    groups = int(site.attribute("group"))
    dtype = site.target.dtype
    few = weight.shape[1] * groups <= _FEW_CHANNELS
    weight, bias = _placed(weight, bias, site.target.device, torch.float32 if few else dtype)
    windows = Windows(site, list(weight.shape[2:]))
    even = windows.fixed and windows.begin == windows.end
    if even and weight.ndim == 4 and not few and serves(site.target):
        return convolution(site.node, weight, bias, windows, windows.begin, groups)
    convolve = functional.conv2d if weight.ndim == 4 else functional.conv1d
    residual, relu = site.node.residual, site.node.relu

    def run(value: torch.Tensor, *_: None) -> torch.Tensor:
        padded, padding = windows.padded(arranged(value, weight.device, weight.dtype), 0.0)
        result = convolve(padded, weight, bias, windows.strides, padding, windows.dilations, groups).to(dtype)
        result = result + value if residual else result
        return result.relu() if relu else result

    return run


def _conv_transpose(site: Site) -> Kernel:
    from torch.nn import functional

    groups = int(site.attribute("group"))
    weight, bias = _placed(*_filters(site, 1), site.target.device, site.target.dtype)
    windows = Windows(site, list(weight.shape[2:]))
    rank = weight.ndim - 2
    extra = site.attribute("output_padding") or [0] * rank
    site.require(site.attribute("output_shape") is None, "names its output shape")
    site.require(windows.fixed, f"pads by itself ({site.attribute('auto_pad')})")
    begin, end = windows.begin, windows.end
    padding = begin if begin == end else [0] * rank
    if rank == 2 and groups == 1 and begin == end and serves(site.target):
        return transposed_convolution(site.node, weight, bias, windows, padding, extra)
    convolve = functional.conv_transpose2d if rank == 2 else functional.conv_transpose1d
    relu = site.node.relu

    def run(value: torch.Tensor, *_: None) -> torch.Tensor:
        value = arranged(value, weight.device, weight.dtype)
        value = convolve(value, weight, bias, windows.strides, padding, extra, groups, windows.dilations)
        if begin != end:
            for axis, (before, after) in enumerate(zip(begin, end, strict=True), start=2):
                value = value.narrow(axis, before, value.shape[axis] - before - after)
        return value.relu() if relu else value

    return run


def _gemm(site: Site) -> Kernel:
    import torch
    from torch.nn.functional import linear

    alpha, beta = float(site.attribute("alpha")), float(site.attribute("beta"))
    flip_a, flip_b = bool(site.attribute("transA")), bool(site.attribute("transB"))
    target = site.target
    known = 1 in site.constants and (not site.has(2) or 2 in site.constants)
    if not known:
        # Rare: a product of two computed matrices.
        def run_general(left: torch.Tensor, right: torch.Tensor, offset: torch.Tensor | None = None) -> torch.Tensor:
            left, right = (left.t() if flip_a else left), (right.t() if flip_b else right)
            product = alpha * torch.matmul(*alike(wide(left), wide(right)))
            return product if offset is None else torch.add(*alike(product, beta * wide(offset)))

        return run_general

    weight, offset = site.take(1, "weights"), site.take(2, "offset")
    assert weight is not None
    weight = (weight if flip_b else weight.t()) * alpha
    weight = weight.to(target.device, target.dtype).contiguous()
    bias = None if offset is None else (offset * beta).to(target.device, target.dtype)
    # Any other bias broadcasts.
    alone = None if bias is None or bias.shape == (weight.shape[0],) else bias
    bias = None if alone is not None else bias

    def run(left: torch.Tensor, *_: None) -> torch.Tensor:
        left = (left.t() if flip_a else left).to(weight.device, weight.dtype)
        product = linear(left, weight, bias)
        return product if alone is None else product + alone

    return run


def _matmul(site: Site) -> Kernel:
    import torch

    target = site.target
    known = 1 in site.constants and site.constants[1].is_floating_point()
    matrix = site.take(1, "matrix") if known else None
    right = None if matrix is None else matrix.to(target.device, target.dtype)

    def run(left: torch.Tensor, other: torch.Tensor | None) -> torch.Tensor:
        if right is not None:
            return torch.matmul(left.to(right.device, right.dtype), right)
        assert other is not None
        return torch.matmul(*alike(left, other))

    return run


def _batch_normalization(site: Site) -> Kernel:
    """With the statistics that were learnt; they stay float32 whatever the value is."""
    from torch.nn.functional import batch_norm

    site.require(len(site.node.outputs) == 1, "gives its statistics")
    site.require(not site.attribute("training_mode", 0), "is in training mode")
    taken = [site.take(index, "statistics") for index in range(1, 5)]
    scale, shift, mean, variance = (None if one is None else one.to(site.target.device) for one in taken)
    epsilon = float(site.attribute("epsilon"))
    return lambda value, *_: batch_norm(value, mean, variance, scale, shift, False, 0.0, epsilon)


def convolution_operators() -> dict[str, Operator]:
    """By name: what builds the operator, and the versions that are followed."""
    return {
        "BatchNormalization": (_batch_normalization, frozenset({7, 9, 14, 15})),
        "Conv": (_conv, frozenset({1, 11})),
        "ConvTranspose": (_conv_transpose, frozenset({1, 11})),
        "Gemm": (_gemm, frozenset({7, 9, 11, 13})),
        "MatMul": (_matmul, frozenset({1, 9, 13})),
    }
