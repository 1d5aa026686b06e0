"""What every operator of the torch graph is built from: a node, what is known of it beforehand, where it will run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import torch

    Kernel: TypeAlias = Callable[..., torch.Tensor | Sequence[torch.Tensor]]
    """Computes a node's outputs from its inputs, one argument each: None for one that is absent or was taken."""

    Builder: TypeAlias = Callable[["Site"], Kernel]
    """Makes the kernel of a node, or refuses it."""

    Operator: TypeAlias = tuple[Builder, frozenset[int]]
    """A builder and the versions of the operator's definition (the opset each came with) that it follows."""

__all__ = ["Node", "Site", "Target", "UnsupportedGraphError", "alike", "always", "arranged", "ints", "wide"]


class UnsupportedGraphError(ValueError):
    """The torch graph does not follow this network to the letter; onnxruntime does. The message names the operator."""


@dataclass(slots=True)
class Node:
    """A node of the graph."""

    op: str
    inputs: list[str]
    """Names of values; "" where an optional one is absent."""
    outputs: list[str]
    attributes: dict[str, Any]
    """With the defaults of the definition filled in."""
    affine: tuple[torch.Tensor, torch.Tensor] | None = None
    """Scale and shift, (channels) float64, of the batch normalisation that followed and is part of the node now."""
    residual: bool = False
    """Whether it adds its first input to what it computes."""
    relu: bool = False
    """Whether it cuts off what is below 0, last of all."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where floats are computed, and in which type convolutions and matrix products are."""

    device: str
    dtype: torch.dtype

    @property
    def reduced(self) -> bool:
        """Whether that type is below float32."""
        return self.dtype.itemsize < 4


@dataclass(slots=True)
class Site:
    """A node about to become a kernel."""

    node: Node
    version: int
    """Of the definition of its operator."""
    constants: Mapping[int, torch.Tensor]
    """Inputs that are known already, by position: float32, int64, int32 or bool, on the CPU."""
    target: Target
    taken: set[int] = field(default_factory=set)
    """Constants that the kernel holds itself; it gets None in their place."""
    read: set[int] = field(default_factory=set)
    """Inputs whose numbers the kernel reads instead of computing with them: constants among them stay on the CPU."""

    def attribute(self, name: str, default: Any = None) -> Any:
        """The value of an attribute, ``default`` where neither the node nor the definition has one."""
        return self.node.attributes.get(name, default)

    def has(self, index: int) -> bool:
        """Whether the node has an input there."""
        return index < len(self.node.inputs) and self.node.inputs[index] != ""

    def take(self, index: int, what: str) -> torch.Tensor | None:
        """A constant input, held by the kernel from now on; None where absent. Refused where it is computed."""
        if not self.has(index):
            return None
        if index not in self.constants:
            self.refuse(f"computes its {what} as it runs")
        self.taken.add(index)
        return self.constants[index]

    def take_ints(self, name: str, index: int) -> list[int] | None:
        """Integers that are an attribute in older definitions and a constant input in newer ones; None where absent."""
        values = self.attribute(name)
        if values is None:
            taken = self.take(index, name)
            values = None if taken is None else taken.reshape(-1).tolist()
        return None if values is None else [int(value) for value in values]

    def require(self, condition: bool, why: str) -> None:
        """Refuse the node unless the condition holds."""
        if not condition:
            self.refuse(why)

    def refuse(self, why: str) -> NoReturn:
        """Say that the node is beyond this implementation; ``why`` goes on after the operator's name."""
        raise UnsupportedGraphError(f"{self.node.op} (version {self.version}) {why}.")


def always(kernel: Kernel) -> Builder:
    """The builder of an operator that has nothing to decide."""
    return lambda _: kernel


def arranged(value: torch.Tensor, device: torch.device | str, dtype: torch.dtype) -> torch.Tensor:
    """A value where and as a convolution wants it: pictures with their channels last in memory."""
    import torch

    layout = torch.channels_last if value.ndim == 4 else torch.contiguous_format
    return value.to(device, dtype).contiguous(memory_format=layout)


def ints(values: torch.Tensor) -> list[int]:
    """The integers in a tensor of any shape."""
    return [int(value) for value in values.reshape(-1).tolist()]


def wide(value: torch.Tensor) -> torch.Tensor:
    """A reduced float as float32, anything else as it is: for what would lose small constants or overflow."""
    import torch

    return value.float() if value.dtype in (torch.bfloat16, torch.float16) else value


def alike(*values: torch.Tensor) -> list[torch.Tensor]:
    """Values on one device, the one that is not the CPU if they differ; floats of different types as float32."""
    import torch

    devices = {value.device for value in values}
    if len(devices) > 1:
        device = next(device for device in devices if device.type != "cpu")
        values = tuple(value.to(device) for value in values)
    if len({value.dtype for value in values}) > 1 and any(value.is_floating_point() for value in values):
        values = tuple(value.to(torch.float32) if value.is_floating_point() else value for value in values)
    return list(values)
