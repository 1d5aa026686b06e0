"""Convolutions in bf16 on a processor, by oneDNN's own operators: weights laid out once, what follows done in the same
pass.

torch's usual operators lay the weights out anew in each run, and ReLU and sum are passes over memory of their own: half
the time of a network that consists of such layers. The operators are those that torch's compiler generates calls of.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from facefusion_cli.core.inference.torch_graph.base import arranged

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from facefusion_cli.core.inference.torch_graph.base import Kernel, Node, Target
    from facefusion_cli.core.inference.torch_graph.windows import Windows

__all__ = ["convolution", "serves", "transposed_convolution"]


def serves(target: Target) -> bool:
    """Whether convolutions there are to be done this way."""
    import torch

    return target.device == "cpu" and target.dtype == torch.bfloat16 and _available()


@cache
def _available() -> bool:
    import torch

    names = (
        "_convolution_pointwise",
        "_convolution_transpose_pointwise",
        "_reorder_convolution_weight",
        "_reorder_convolution_transpose_weight",
    )
    there = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return bool(there) and all(hasattr(torch.ops.mkldnn, name) for name in names)


def convolution(
    node: Node, weight: torch.Tensor, bias: torch.Tensor | None, windows: Windows, padding: list[int], groups: int
) -> Kernel:
    """The kernel of a convolution of (N, C, H, W) values, with ``node.residual`` and ``node.relu``.

    ``weight`` (C out, C in / groups, rows, columns) and ``bias`` are of the type to compute in.
    """
    import torch

    operators = torch.ops.mkldnn
    moves = (padding, windows.strides, windows.dilations, groups)

    def pack(plain: torch.Tensor, size: list[int]) -> torch.Tensor:
        result: torch.Tensor = operators._reorder_convolution_weight(plain, *moves, size)
        return result

    packed = _Packed(weight, pack, lambda laid_out: laid_out.to_dense())
    unary = "relu" if node.relu else "none"
    dtype = weight.dtype

    def run(value: torch.Tensor, *_: None) -> torch.Tensor:
        value = arranged(value, "cpu", dtype)
        result: torch.Tensor = operators._convolution_pointwise(
            value, packed.suiting(value), bias, *moves, unary, [], ""
        )
        return result

    def run_residual(value: torch.Tensor, *_: None) -> torch.Tensor:
        value = arranged(value, "cpu", dtype)
        result: torch.Tensor = operators._convolution_pointwise.binary(
            value, value, packed.suiting(value), bias, *moves, "add", 1.0, "relu" if node.relu else None, [], ""
        )
        return result

    return run_residual if node.residual else run


def transposed_convolution(
    node: Node,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    windows: Windows,
    padding: list[int],
    extra: list[int],
) -> Kernel:
    """The kernel of a transposed convolution of (N, C, H, W) values in one group, with ``node.relu``.

    ``weight`` (C in, C out, rows, columns) and ``bias`` are of the type to compute in; ``extra`` is the
    output's padding.
    """
    import torch

    operators = torch.ops.mkldnn
    moves = (padding, extra, windows.strides, windows.dilations, 1)

    def pack(plain: torch.Tensor, size: list[int]) -> torch.Tensor:
        result: torch.Tensor = operators._reorder_convolution_transpose_weight(plain, *moves, size)
        return result

    # What was laid out has the channels that go out first.
    packed = _Packed(weight, pack, lambda laid_out: laid_out.to_dense().transpose(0, 1))
    unary = "relu" if node.relu else "none"
    dtype = weight.dtype

    def run(value: torch.Tensor, *_: None) -> torch.Tensor:
        value = arranged(value, "cpu", dtype)
        result: torch.Tensor = operators._convolution_transpose_pointwise(
            value, packed.suiting(value), bias, *moves, unary, [], ""
        )
        return result

    return run


class _Packed:
    """A weight laid out for values of one size at a time.

    For values of another size the layout may be one that is ten times slower; and sums are to depend on nothing but
    what is computed now, so it is not left to whatever came first.
    """

    def __init__(
        self,
        weight: torch.Tensor,
        pack: Callable[[torch.Tensor, list[int]], torch.Tensor],
        unpack: Callable[[torch.Tensor], torch.Tensor],
    ) -> None:
        self._weight = weight
        self._pack, self._unpack = pack, unpack
        self._size: list[int] | None = None

    def suiting(self, value: torch.Tensor) -> torch.Tensor:
        """The weight for a value."""
        size = list(value.shape)
        if size != self._size:
            plain = self._weight if self._size is None else self._unpack(self._weight)
            self._weight, self._size = self._pack(plain, size), size
        return self._weight
