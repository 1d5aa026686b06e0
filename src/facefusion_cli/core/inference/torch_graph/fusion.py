"""Nodes of the torch graph that are better computed together: the same result with fewer passes over memory."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from facefusion_cli.core.inference.torch_graph.base import Node

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import TypeAlias

    import torch

    from facefusion_cli.core.inference.torch_graph.base import Kernel, Operator, Site

    Constants: TypeAlias = Mapping[str, torch.Tensor]

__all__ = ["fold_batch_normalization", "fuse_activation", "fuse_instance_normalization", "fused_operators"]

_STANDARDIZE = "Standardize"
"""Our own operator: subtract each channel's mean over the picture, divide by the root of its variance + epsilon."""


def fold_batch_normalization(nodes: Iterable[Node], constants: Constants, outputs: Iterable[str]) -> list[Node]:
    """Batch normalisations become part of the convolution before them, where nothing else sees what is in between."""
    import torch

    kept: list[Node] = []
    nodes = list(nodes)
    uses = _uses(nodes, outputs)
    makers: dict[str, Node] = {}
    for node in nodes:
        source = makers.get(node.inputs[0]) if node.op == "BatchNormalization" else None
        if source is not None and uses[node.inputs[0]] == 1 and _foldable(source, node, constants):
            scale, shift, mean, variance = (constants[name].double() for name in node.inputs[1:5])
            scale = scale / torch.sqrt(variance + float(node.attributes["epsilon"]))
            source.affine = (scale, shift - mean * scale)
            source.outputs = node.outputs
        else:
            kept.append(node)
            makers.update((name, node) for name in node.outputs)
    return kept


def _foldable(source: Node, node: Node, constants: Constants) -> bool:
    if source.op not in ("Conv", "ConvTranspose") or source.affine is not None:
        return False
    if source.op == "ConvTranspose" and source.attributes["group"] != 1:
        return False
    plain = len(node.outputs) == 1 and not node.attributes.get("training_mode", 0)
    return plain and all(name == "" or name in constants for name in [*source.inputs[1:], *node.inputs[1:]])


def fuse_activation(nodes: Iterable[Node], constants: Constants, outputs: Iterable[str]) -> list[Node]:
    """A ReLU becomes part of the convolution before it, and so does the sum between them of its input and its output.

    Nothing else may see what is in between.
    """
    nodes = list(nodes)
    uses = _uses(nodes, outputs)
    makers: dict[str, Node] = {}
    kept: list[Node] = []
    for node in nodes:
        source = None
        if node.op == "Relu" and uses[node.inputs[0]] == 1:
            source = makers.get(node.inputs[0])
        elif node.op == "Add":
            source = next((makers[name] for name in node.inputs if name in makers and uses[name] == 1), None)
            if source is not None and not _keeps_shape(source, node, constants):
                source = None
        if source is None or source.op not in ("Conv", "ConvTranspose") or source.relu:
            kept.append(node)
            source = node
        elif node.op == "Add":
            source.residual = True
        else:
            source.relu = True
        source.outputs = node.outputs
        makers.update((name, source) for name in node.outputs)
    return kept


def _keeps_shape(source: Node, total: Node, constants: Constants) -> bool:
    """Whether ``total`` adds to what a convolution gives what it was given, which is as large."""
    if source.op != "Conv" or source.residual or sorted(total.inputs) != sorted([source.inputs[0], source.outputs[0]]):
        return False
    weight = constants.get(source.inputs[1])
    if weight is None or weight.ndim != 4 or weight.shape[0] != weight.shape[1] * int(source.attributes["group"]):
        return False
    attributes = source.attributes
    halves = [size // 2 for size in weight.shape[2:]]
    return (
        attributes.get("auto_pad", "NOTSET") == "NOTSET"
        and all(size % 2 for size in weight.shape[2:])
        and list(attributes.get("pads") or [0] * 4) == halves * 2
        and set(attributes.get("strides") or [1]) == {1}
        and set(attributes.get("dilations") or [1]) == {1}
    )


def fuse_instance_normalization(nodes: Iterable[Node], constants: Constants, outputs: Iterable[str]) -> list[Node]:
    """The chain that exporters write out, from the mean to the quotient, becomes one node.

    It is ``d / sqrt(mean(d * d) + epsilon)`` with ``d = x - mean(x)``, the last step as a quotient or as a product with
    the reciprocal. One pass over a reduced float with float32 statistics is both quicker and more exact than eight.
    """
    nodes = list(nodes)
    uses = _uses(nodes, outputs)
    makers = {name: node for node in nodes for name in node.outputs}
    gone: set[int] = set()
    new: dict[int, Node] = {}
    for node in nodes:
        chain = _normalization_chain(node, makers, constants)
        if chain is None:
            continue
        centred, between, epsilon = chain
        # What is in between may serve nothing else; the centred value serves the square (twice if d * d) and the end.
        square = next(one for one in between if one.op in ("Mul", "Pow"))
        served = square.inputs.count(centred.outputs[0]) + 1
        inner = [one for one in between if one is not centred]
        if uses[centred.outputs[0]] != served or any(uses[one.outputs[0]] != 1 for one in inner):
            continue
        gone.update(id(one) for one in between)
        new[id(node)] = Node(_STANDARDIZE, [centred.inputs[0]], node.outputs, {"epsilon": epsilon})
    return [new.get(id(node), node) for node in nodes if id(node) not in gone]


def _normalization_chain(
    end: Node, makers: dict[str, Node], constants: Constants
) -> tuple[Node, list[Node], float] | None:
    """The node that centres, all nodes before the end, and epsilon, if ``end`` is the end of such a chain."""

    def made(name: str, *ops: str) -> Node | None:
        node = makers.get(name)
        return node if node is not None and node.op in ops else None

    between: list[Node] = []
    if end.op == "Div":
        root = made(end.inputs[1], "Sqrt")
        value = end.inputs[0]
    elif end.op == "Mul":
        inverse = made(end.inputs[1], "Div", "Reciprocal")
        if inverse is None or (inverse.op == "Div" and _scalar(constants, inverse.inputs[0]) != 1.0):
            return None
        between.append(inverse)
        root = made(inverse.inputs[-1], "Sqrt")
        value = end.inputs[0]
    else:
        return None
    centred = made(value, "Sub")
    added = made(root.inputs[0], "Add") if root else None
    spread = made(added.inputs[0], "ReduceMean") if added else None
    square = made(spread.inputs[0], "Mul", "Pow") if spread else None
    mean = made(centred.inputs[1], "ReduceMean") if centred else None
    if root is None or centred is None or added is None or spread is None or square is None or mean is None:
        return None
    epsilon = _scalar(constants, added.inputs[1])
    squares = square.inputs[0] == value and (
        square.inputs[1] == value if square.op == "Mul" else _scalar(constants, square.inputs[1]) == 2.0
    )
    spatial = _over_the_picture(mean, constants) and _over_the_picture(spread, constants)
    if epsilon is None or not squares or not spatial or mean.inputs[0] != centred.inputs[0]:
        return None
    return centred, [*between, root, added, spread, square, mean, centred], epsilon


def _over_the_picture(node: Node, constants: Constants) -> bool:
    """Whether a mean is over the two last axes of four, and keeps them."""
    axes = node.attributes.get("axes")
    if axes is None and len(node.inputs) > 1:
        axes = constants[node.inputs[1]].tolist() if node.inputs[1] in constants else None
    return axes is not None and sorted(axes) == [2, 3] and bool(node.attributes["keepdims"])


def _uses(nodes: Iterable[Node], outputs: Iterable[str]) -> Counter[str]:
    uses = Counter(outputs)
    for node in nodes:
        uses.update(node.inputs)
    return uses


def _scalar(constants: Constants, name: str) -> float | None:
    if name not in constants:
        return None
    value = constants[name]
    return float(value.item()) if value.numel() == 1 else None


def _standardize(site: Site) -> Kernel:
    import torch
    from torch.nn.functional import group_norm

    epsilon = float(site.attribute("epsilon"))

    def run(value: torch.Tensor) -> torch.Tensor:
        if value.ndim == 4 and value.dtype == site.target.dtype:
            if value.device.type == "cpu" and len(value) > 1:
                # How threads share the batch decides in which order they add up: one by one, none minds the others.
                return torch.cat([group_norm(one, one.shape[1], eps=epsilon) for one in torch.split(value, 1)])
            return group_norm(value, value.shape[1], eps=epsilon)
        centred = value - torch.mean(value, (2, 3), True)
        return centred / torch.sqrt(torch.mean(torch.square(centred), (2, 3), True) + epsilon)

    return run


def fused_operators() -> dict[str, Operator]:
    """By name: what builds our own operators."""
    return {_STANDARDIZE: (_standardize, frozenset({0}))}
