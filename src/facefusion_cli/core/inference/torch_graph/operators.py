"""All operators of the torch graph, by name."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from facefusion_cli.core.inference.torch_graph.base import UnsupportedGraphError

if TYPE_CHECKING:
    from facefusion_cli.core.inference.torch_graph.base import Kernel, Operator, Site

__all__ = ["build_kernel", "check_operator"]


@cache
def _operators() -> dict[str, Operator]:
    from facefusion_cli.core.inference.torch_graph.convolution import convolution_operators
    from facefusion_cli.core.inference.torch_graph.fusion import fused_operators
    from facefusion_cli.core.inference.torch_graph.pointwise import pointwise_operators
    from facefusion_cli.core.inference.torch_graph.resize import resize_operators
    from facefusion_cli.core.inference.torch_graph.shape import shape_operators
    from facefusion_cli.core.inference.torch_graph.windows import pooling_operators

    return {
        **convolution_operators(),
        **fused_operators(),
        **pointwise_operators(),
        **pooling_operators(),
        **resize_operators(),
        **shape_operators(),
    }


def check_operator(op: str, version: int) -> None:
    """Refuse an operator that is not known in this version of its definition.

    Raises:
        UnsupportedGraphError: it is not.
    """
    known = _operators().get(op)
    if known is None:
        raise UnsupportedGraphError(f"{op} is not an operator that is supported.")
    if version not in known[1]:
        raise UnsupportedGraphError(f"{op} is not supported in version {version}.")


def build_kernel(site: Site) -> Kernel:
    """What computes a node.

    Raises:
        UnsupportedGraphError: it cannot be computed to the letter.
    """
    builder, _ = _operators()[site.node.op]
    return builder(site)
