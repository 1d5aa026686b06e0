"""From an ONNX graph to the list of kernels that computes it: checks, constants, fusion, order, lifetimes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from facefusion_cli.core.inference.torch_graph.base import Node, Site, Target, UnsupportedGraphError
from facefusion_cli.core.inference.torch_graph.fusion import (
    fold_batch_normalization,
    fuse_activation,
    fuse_instance_normalization,
)
from facefusion_cli.core.inference.torch_graph.onednn import serves
from facefusion_cli.core.inference.torch_graph.operators import build_kernel, check_operator

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import onnx
    import torch

    from facefusion_cli.core.inference.torch_graph.base import Kernel

__all__ = ["NUMPY_TYPES", "Program", "Step", "ValueInfo", "build_program"]

NUMPY_TYPES = {"tensor(float)": "float32", "tensor(int64)": "int64", "tensor(int32)": "int32", "tensor(bool)": "bool"}
"""The types that inputs and outputs may have."""


@dataclass(frozen=True, slots=True)
class ValueInfo:
    """An input or output, as ``onnxruntime.NodeArg`` tells of it."""

    name: str
    shape: list[int | str | None]
    type: str


@dataclass(frozen=True, slots=True)
class Step:
    """One kernel, and what it reads and writes."""

    kernel: Kernel
    inputs: list[torch.Tensor | str | None]
    """A constant, the name of a value, or nothing."""
    outputs: list[str]
    last_use: list[str]
    """Values that nothing needs afterwards."""


@dataclass(frozen=True, slots=True)
class Program:
    """A graph made ready."""

    inputs: list[ValueInfo]
    outputs: list[ValueInfo]
    constants: dict[str, torch.Tensor]
    """Outputs that depend on no input."""
    steps: list[Step]


class _Constants(Mapping[str, "torch.Tensor"]):
    """What is known before any input is: weights, read from the file when they are asked for, and what was computed."""

    def __init__(self, weights: Iterable[onnx.TensorProto]) -> None:
        self._weights = {weight.name: weight for weight in weights}
        self._computed: dict[str, torch.Tensor] = {}

    def __getitem__(self, name: str) -> torch.Tensor:
        if name in self._computed:
            return self._computed[name]
        return _read(self._weights[name])

    def __contains__(self, name: object) -> bool:
        return name in self._computed or name in self._weights

    def __iter__(self) -> Iterator[str]:
        yield from {**self._weights, **self._computed}

    def __len__(self) -> int:
        return len({**self._weights, **self._computed})

    def add(self, name: str, value: torch.Tensor) -> None:
        """Keep what a node computed from constants."""
        self._computed[name] = value


def _read(weight: onnx.TensorProto) -> torch.Tensor:
    """A weight as the file has it; float16 becomes float32, as all floats are until a convolution makes them less."""
    import torch
    from onnx import TensorProto, helper, numpy_helper

    allowed = {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL}
    if weight.data_type not in allowed or weight.data_location == TensorProto.EXTERNAL:
        kind = helper.tensor_dtype_to_string(weight.data_type)
        raise UnsupportedGraphError(f'The weight "{weight.name}" is of type {kind} or outside of the file.')
    value = torch.tensor(numpy_helper.to_array(weight))
    return value.float() if value.is_floating_point() else value


def build_program(model: onnx.ModelProto, target: Target) -> Program:
    """Make an ONNX graph ready to run.

    Raises:
        UnsupportedGraphError: something in it is not followed to the letter here.
    """
    graph = model.graph
    if graph.sparse_initializer:
        raise UnsupportedGraphError("The network has sparse weights.")
    opset = _opset(model)
    constants = _Constants(graph.initializer)
    inputs = [_info(value) for value in graph.input if value.name not in constants]
    outputs = [_info(value) for value in graph.output]
    names = [output.name for output in outputs]
    nodes = [_node(proto, opset) for proto in _needed(graph.node, names)]
    nodes = _fold_constants(nodes, constants, opset)
    nodes = fold_batch_normalization(nodes, constants, names)
    if target.reduced:
        nodes = fuse_instance_normalization(nodes, constants, names)
    if serves(target):
        nodes = fuse_activation(nodes, constants, names)
    steps = _steps(nodes, inputs, names, constants, target, opset)
    return Program(inputs, outputs, {name: constants[name] for name in names if name in constants}, steps)


def _opset(model: onnx.ModelProto) -> int:
    from onnx import defs

    versions = [one.version for one in model.opset_import if one.domain in ("", "ai.onnx")]
    if len(versions) != 1 or versions[0] > defs.onnx_opset_version():
        raise UnsupportedGraphError(f"The network follows an unknown set of operators: {versions}.")
    return int(versions[0])


def _info(value: onnx.ValueInfoProto) -> ValueInfo:
    from onnx import TensorProto

    kind = value.type.tensor_type
    names: dict[int, str] = {
        TensorProto.FLOAT: "tensor(float)",
        TensorProto.INT64: "tensor(int64)",
        TensorProto.INT32: "tensor(int32)",
        TensorProto.BOOL: "tensor(bool)",
    }
    if kind.elem_type not in names or not kind.HasField("shape"):
        raise UnsupportedGraphError(f'"{value.name}" is neither float32, int64, int32 nor bool, or of any shape.')
    shape = [axis.dim_value if axis.HasField("dim_value") else axis.dim_param or None for axis in kind.shape.dim]
    return ValueInfo(value.name, shape, names[kind.elem_type])


def _needed(nodes: Sequence[onnx.NodeProto], outputs: Iterable[str]) -> list[onnx.NodeProto]:
    """The nodes that the outputs depend on, in the order of the graph."""
    wanted = set(outputs)
    kept = []
    for node in reversed(nodes):
        if not wanted.isdisjoint(node.output):
            kept.append(node)
            wanted.update(node.input)
    return kept[::-1]


def _version(op: str, opset: int) -> int:
    """The opset that the definition of an operator came with; 0 for our own."""
    from onnx import defs

    return int(defs.get_schema(op, opset, "").since_version) if defs.has(op, opset, "") else 0


def _node(proto: onnx.NodeProto, opset: int) -> Node:
    from onnx import AttributeProto, defs, helper

    if proto.domain not in ("", "ai.onnx"):
        raise UnsupportedGraphError(f"{proto.op_type} of {proto.domain} is not supported.")
    check_operator(proto.op_type, _version(proto.op_type, opset))
    defined = defs.get_schema(proto.op_type, opset, "").attributes
    attributes: dict[str, Any] = {}
    for name, definition in defined.items():
        if definition.default_value.type != AttributeProto.UNDEFINED:
            attributes[name] = helper.get_attribute_value(definition.default_value)
    for attribute in proto.attribute:
        if attribute.name not in defined or attribute.ref_attr_name:
            raise UnsupportedGraphError(f"{proto.op_type} has an unknown attribute {attribute.name}.")
        attributes[attribute.name] = helper.get_attribute_value(attribute)
    attributes = {name: one.decode() if isinstance(one, bytes) else one for name, one in attributes.items()}
    return Node(proto.op_type, list(proto.input), list(proto.output), attributes)


def _site(node: Node, constants: Mapping[str, torch.Tensor], target: Target, opset: int) -> Site:
    known = {index: constants[name] for index, name in enumerate(node.inputs) if name in constants}
    return Site(node, _version(node.op, opset), known, target)


def _fold_constants(nodes: Iterable[Node], constants: _Constants, opset: int) -> list[Node]:
    """Compute once what depends on no input."""
    import torch

    target = Target("cpu", torch.float32)
    kept = []
    for node in nodes:
        if not all(name == "" or name in constants for name in node.inputs):
            kept.append(node)
            continue
        site = _site(node, constants, target, opset)
        kernel = build_kernel(site)
        results = kernel(*(None if at in site.taken else site.constants.get(at) for at in range(len(node.inputs))))
        for name, value in zip(node.outputs, [results] if isinstance(results, torch.Tensor) else results, strict=True):
            constants.add(name, value)
    return kept


def _steps(
    nodes: Sequence[Node],
    inputs: Iterable[ValueInfo],
    outputs: Iterable[str],
    constants: _Constants,
    target: Target,
    opset: int,
) -> list[Step]:
    import torch

    # Shapes and what is computed from them stay on the CPU, exact whatever the precision is.
    host_target = Target("cpu", torch.float32)
    host = {info.name for info in inputs if info.type != "tensor(float)"}
    lifetimes = _last_uses(nodes, inputs, outputs)
    steps = []
    for node, last in zip(nodes, lifetimes, strict=True):
        site = _site(node, constants, target, opset)
        on_host = all(name in host for name in node.inputs if name and name not in constants)
        if on_host:
            site.target = host_target
        kernel = build_kernel(site)
        arguments: list[torch.Tensor | str | None] = []
        for index, name in enumerate(node.inputs):
            if index in site.taken or name == "":
                arguments.append(None)
            elif index in site.constants:
                constant = site.constants[index]
                moves = constant.is_floating_point() and index not in site.read
                arguments.append(constant.to(site.target.device) if moves else constant)
            else:
                arguments.append(name)
        if on_host or node.op == "Shape":
            host.update(node.outputs)
        steps.append(Step(kernel, arguments, node.outputs, last))
    return steps


def _last_uses(nodes: Sequence[Node], inputs: Iterable[ValueInfo], outputs: Iterable[str]) -> list[list[str]]:
    """For each node, the values that nothing needs after it."""
    alive = {info.name for info in inputs}
    available = alive.union(*(node.outputs for node in nodes))
    needed = set(outputs)
    lifetimes = []
    for node in reversed(nodes):
        over = (available & {*node.inputs, *node.outputs}) - needed
        lifetimes.append(sorted(over))
        needed.update(node.inputs)
    return lifetimes[::-1]
