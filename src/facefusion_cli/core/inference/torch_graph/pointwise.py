"""Operators that compute each element by itself, and the reductions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facefusion_cli.core.inference.torch_graph.base import UnsupportedGraphError, alike, always, wide

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from facefusion_cli.core.inference.torch_graph.base import Builder, Kernel, Operator, Site

__all__ = ["pointwise_operators"]


def _leaky_relu(site: Site) -> Kernel:
    from torch.nn.functional import leaky_relu

    alpha = float(site.attribute("alpha"))
    return lambda value: leaky_relu(value, alpha)


def _prelu(site: Site) -> Kernel:
    """The slope broadcasts to the value, one way; (C, 1, 1) is the usual form, one slope a channel."""
    import torch
    from torch.nn.functional import prelu

    slope = site.take(1, "slope")
    assert slope is not None
    slope = slope.to(site.target.device)
    wise = slope.reshape(-1).to(site.target.dtype)

    def run(value: torch.Tensor, _: None) -> torch.Tensor:
        rank = value.ndim
        channels = slope.ndim == rank - 1 > 0 and slope.shape[0] == slope.numel() == value.shape[1]
        if channels and value.dtype == wise.dtype:
            return prelu(value, wise)
        return torch.where(value < 0, (value * slope).to(value.dtype), value)

    return run


def _clip(site: Site) -> Kernel:
    import torch

    if site.version < 11:
        bounds: tuple[float | None, ...] = (site.attribute("min"), site.attribute("max"))
    else:
        taken = (site.take(1, "min"), site.take(2, "max"))
        bounds = tuple(None if bound is None else bound.item() for bound in taken)
    # Without a bound onnxruntime takes the end of float32, so that infinity becomes a number.
    end = torch.finfo(torch.float32).max
    low, high = (default if bound is None else bound for bound, default in zip(bounds, (-end, end), strict=True))

    def run(value: torch.Tensor, *_: None) -> torch.Tensor:
        # Other types may not reach as far; a bound beyond their ends would not fit into them.
        last = (torch.finfo if value.is_floating_point() else torch.iinfo)(value.dtype).max
        lower, upper = None if low < -last else low, None if high > last else high
        return value if lower is None and upper is None else torch.clamp(value, lower, upper)

    return run


def _divide(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    import torch

    one, other = alike(wide(one), wide(other))
    # Integers are divided as in C.
    return torch.div(one, other, rounding_mode=None if one.is_floating_point() else "trunc")


def _power(site: Site) -> Kernel:
    import torch

    known = site.constants.get(1)
    if known is not None and known.numel() == 1 and known.ndim <= 1 and known.item() == 2.0:
        site.taken.add(1)
        return lambda value, _: torch.square(wide(value))

    def run(value: torch.Tensor, exponent: torch.Tensor) -> torch.Tensor:
        value, exponent = alike(wide(value), wide(exponent))
        # The result has the type of the base.
        return torch.pow(value, exponent).to(value.dtype)

    return run


def _where(condition: torch.Tensor, one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    import torch

    condition, one, other = alike(condition, one, other)
    return torch.where(condition, one, other)


def _wide_unary(function: Callable[[torch.Tensor], torch.Tensor]) -> Builder:
    """A function that a reduced float would lose too much in."""
    return always(lambda value: function(wide(value)))


def _variadic(function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> Builder:
    """A function of two values that broadcast, applied one after another to any number of them."""

    def run(first: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        for other in others:
            first = function(*alike(first, other))
        return first

    return always(run)


def _reduce(
    function: Callable[[torch.Tensor, tuple[int, ...], bool], torch.Tensor],
    axes_are_input: int,
) -> Builder:
    """A sum or mean over some axes, all for none, in float32; ``axes_are_input`` from that version on."""

    def build(site: Site) -> Kernel:
        axes = site.take_ints("axes", 1) if site.version >= axes_are_input else site.attribute("axes")
        keep = bool(site.attribute("keepdims"))
        if not axes and site.attribute("noop_with_empty_axes", 0):
            return lambda value, *_: value

        def run(value: torch.Tensor, *_: None) -> torch.Tensor:
            return function(value, tuple(axes) if axes else tuple(range(value.ndim)), keep)

        return run

    return build


def _softmax(site: Site) -> Kernel:
    import torch

    axis = int(site.attribute("axis"))
    if site.version >= 13:
        return lambda value: torch.softmax(wide(value), axis)

    def run(value: torch.Tensor) -> torch.Tensor:
        # Older definitions see a matrix, split before the axis.
        first = axis % value.ndim if axis < value.ndim else axis
        rows = 1
        for length in value.shape[:first]:
            rows *= length
        return torch.softmax(wide(value).reshape(rows, -1), 1).reshape(value.shape)

    return run


def pointwise_operators() -> dict[str, Operator]:
    """By name: what builds the operator, and the versions that are followed."""
    import torch

    def mean(value: torch.Tensor, axes: tuple[int, ...], keep: bool) -> torch.Tensor:
        if not value.is_floating_point():
            raise UnsupportedGraphError("ReduceMean of integers is not supported.")
        return torch.mean(value, axes, keep, dtype=torch.float32)

    def total(value: torch.Tensor, axes: tuple[int, ...], keep: bool) -> torch.Tensor:
        kind = torch.float32 if value.is_floating_point() else value.dtype
        return torch.sum(value, axes, keep, dtype=kind)

    arithmetic = frozenset({7, 13, 14})
    return {
        "Abs": (always(torch.abs), frozenset({6, 13})),
        "Add": (_variadic(torch.add), arithmetic),
        "Ceil": (always(torch.ceil), frozenset({6, 13})),
        "Clip": (_clip, frozenset({6, 11, 12, 13})),
        "Div": (always(_divide), arithmetic),
        "Equal": (_variadic(torch.eq), frozenset({7, 11, 13, 19})),
        "Exp": (_wide_unary(torch.exp), frozenset({6, 13})),
        "Floor": (always(torch.floor), frozenset({6, 13})),
        "LeakyRelu": (_leaky_relu, frozenset({6, 16})),
        "Max": (_variadic(torch.maximum), frozenset({8, 12, 13})),
        "Min": (_variadic(torch.minimum), frozenset({8, 12, 13})),
        "Mul": (_variadic(torch.mul), arithmetic),
        "Neg": (always(torch.neg), frozenset({6, 13})),
        "PRelu": (_prelu, frozenset({7, 9, 16})),
        "Pow": (_power, frozenset({7, 12, 13, 15})),
        "Reciprocal": (_wide_unary(torch.reciprocal), frozenset({6, 13})),
        "ReduceMean": (_reduce(mean, 18), frozenset({1, 11, 13, 18})),
        "ReduceSum": (_reduce(total, 13), frozenset({1, 11, 13})),
        "Relu": (always(torch.relu), frozenset({6, 13, 14})),
        "Sigmoid": (_wide_unary(torch.sigmoid), frozenset({6, 13})),
        "Softmax": (_softmax, frozenset({1, 11, 13})),
        "Sqrt": (_wide_unary(torch.sqrt), frozenset({6, 13})),
        "Sub": (_variadic(torch.sub), arithmetic),
        "Sum": (_variadic(torch.add), frozenset({8, 13})),
        "Tanh": (_wide_unary(torch.tanh), frozenset({6, 13})),
        "Where": (always(_where), frozenset({9, 16})),
    }
