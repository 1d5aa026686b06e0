"""What the project needs of something that runs a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["Session", "TensorInfo"]


class TensorInfo(Protocol):
    """Name, shape and type of an input or output, as ``onnxruntime.NodeArg`` gives them."""

    @property
    def name(self) -> str:
        """Name in the graph."""
        ...

    @property
    def shape(self) -> Sequence[int | str | None]:
        """Length of each axis; a name or None where it is free."""
        ...

    @property
    def type(self) -> str:
        """ONNX type, as in ``tensor(float)``."""
        ...


class Session(Protocol):
    """A network ready to run: the part of ``onnxruntime.InferenceSession`` that insightface's own classes call.

    Whatever satisfies it can stand behind those classes and behind ours. ``run`` may be called from several threads.

    insightface's ``SCRFD`` must be made with ``session`` alone, or with ``static_shape_sessions=False``: given
    ``model_file`` as well it opens sessions of its own on onnxruntime, one for each size of input, and runs those.
    """

    def get_inputs(self) -> Sequence[TensorInfo]:
        """The inputs, in the order of the graph."""
        ...

    def get_outputs(self) -> Sequence[TensorInfo]:
        """The outputs, in the order of the graph."""
        ...

    def run(self, output_names: Sequence[str] | None, input_feed: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """The outputs named, or all of them for None, for the inputs given by name."""
        ...

    def get_providers(self) -> list[str]:
        """Where it runs, best first, in onnxruntime's words (``CPUExecutionProvider``)."""
        ...

    def set_providers(self, providers: Sequence[str]) -> None:
        """Move to where the providers run; one that cannot move stays.

        insightface's classes ask for the CPU in ``prepare`` with a negative number of the device.
        """
        ...
