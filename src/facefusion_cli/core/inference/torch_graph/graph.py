"""Sessions that run an ONNX graph's own nodes in torch: on the GPU, and in bf16 on processors made for it."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from facefusion_cli.core.inference.torch_graph.base import Target, UnsupportedGraphError
from facefusion_cli.core.inference.torch_graph.program import NUMPY_TYPES, Program, ValueInfo, build_program
from facefusion_cli.core.inference.torch_graph.worker import worker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import torch
    from numpy.typing import NDArray

    from facefusion_cli.core.device import Precision

__all__ = ["TorchGraph", "UnsupportedGraphError", "open_torch_graph"]

_CUDA = threading.Lock()
"""Runs on a GPU go one after another: the switches that make them exact belong to the whole process."""


class TorchGraph:
    """A network in torch, with the part of ``onnxruntime.InferenceSession`` that ``Session`` asks for.

    Floats go in and come out as float32, whatever the precision inside. The first axis may be longer than the graph
    says wherever its nodes do not mind; whether the results are then right is for the caller to check.
    """

    def __init__(self, program: Program, device: str, threads: int) -> None:
        self._program = program
        self._device = device
        self._threads = threads

    def get_inputs(self) -> list[ValueInfo]:
        """The inputs, in the order of the graph."""
        return list(self._program.inputs)

    def get_outputs(self) -> list[ValueInfo]:
        """The outputs, in the order of the graph."""
        return list(self._program.outputs)

    def get_providers(self) -> list[str]:
        """The name of onnxruntime's provider for the same device."""
        return ["CPUExecutionProvider" if self._device == "cpu" else "CUDAExecutionProvider"]

    def set_providers(self, providers: Sequence[str]) -> None:
        """Does nothing: a graph stays on its device. insightface's classes call it for the CPU."""

    def run(self, output_names: Sequence[str] | None, input_feed: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """The outputs named, or all of them for None; arrays of their own, the inputs stay as they are.

        May be called from several threads.

        Raises:
            ValueError: an output or input that the graph does not have, or an input of another shape or type.
            UnsupportedGraphError: something that shows only with these inputs is not supported.
            RuntimeError: torch's own, as for want of memory or a batch that the graph cannot take.
        """
        import torch

        known = [output.name for output in self._program.outputs]
        wanted = known if output_names is None else list(output_names)
        if missing := set(wanted) - set(known):
            raise ValueError(f"The network has no output {sorted(missing)}.")
        if self._device == "cpu":
            return worker(self._threads).call(partial(self._run, wanted, input_feed))
        with (
            _CUDA,
            torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False),
        ):
            return self._run(wanted, input_feed, lambda: False)

    def _run(
        self, wanted: Sequence[str], feed: Mapping[str, NDArray[Any]], giving_up: Callable[[], bool]
    ) -> list[NDArray[Any]]:
        import torch

        with torch.inference_mode():
            values = self._feed(feed)
            for step in self._program.steps:
                if giving_up():
                    return []
                arguments = [values[one] if isinstance(one, str) else one for one in step.inputs]
                results = step.kernel(*arguments)
                if isinstance(results, torch.Tensor):
                    values[step.outputs[0]] = results
                else:
                    values.update(zip(step.outputs, results, strict=True))
                del arguments, results
                for name in step.last_use:
                    del values[name]
            return [_array(values[name]) for name in wanted]

    def _feed(self, feed: Mapping[str, NDArray[Any]]) -> dict[str, torch.Tensor]:
        import torch

        if feed.keys() != {info.name for info in self._program.inputs}:
            names = sorted(info.name for info in self._program.inputs)
            raise ValueError(f"The network has the inputs {names}; given were {sorted(feed)}.")
        values = dict(self._program.constants)
        for info in self._program.inputs:
            array = np.asarray(feed[info.name])
            if array.dtype != NUMPY_TYPES[info.type]:
                raise ValueError(f'Input "{info.name}" is {info.type}; given was {array.dtype}.')
            fixed = [length if isinstance(length, int) and axis > 0 else None for axis, length in enumerate(info.shape)]
            same_rank = len(fixed) == array.ndim
            if not same_rank or any(want not in (None, have) for want, have in zip(fixed, array.shape, strict=True)):
                raise ValueError(f'Input "{info.name}" has the shape {info.shape}; given was {list(array.shape)}.')
            # A copy, since torch takes neither arrays that must not be written to nor negative strides.
            tensor = torch.from_numpy(np.array(array, order="C"))
            values[info.name] = tensor.to(self._device) if tensor.is_floating_point() else tensor
        return values


def _array(value: torch.Tensor) -> NDArray[Any]:
    """A result as an array of its own, contiguous, float32 for floats."""
    import torch

    if value.is_floating_point():
        value = value.to("cpu", torch.float32)
    array: NDArray[Any] = value.cpu().numpy().copy(order="C")
    return array


def open_torch_graph(
    model: Path | bytes, *, device: str = "cpu", precision: Precision = "fp32", threads: int
) -> TorchGraph:
    """Make an ONNX graph, given as a file or as its bytes, ready to run in torch.

    ``device`` is "cpu" or "cuda:N". Convolutions and matrix products run in ``precision``; statistics, reductions and
    what small numbers would be lost in stay in float32. The file must hold its weights itself.

    Raises:
        UnsupportedGraphError: a node, an attribute or a type that is not followed to the letter here.
        OSError: the file cannot be read.
        google.protobuf.message.DecodeError: it is not a network.
        RuntimeError: torch's own, as for want of memory on the device.
    """
    if device != "cpu":
        return TorchGraph(_build(model, device, precision), device, threads)
    # On the worker too: with a second thread that computes in parallel OpenMP's own threads sleep where they would
    # wait, which costs networks of many small nodes half their speed.
    return TorchGraph(worker(threads).call(lambda _: _build(model, device, precision)), device, threads)


def _build(model: Path | bytes, device: str, precision: Precision) -> Program:
    import onnx
    import torch

    if isinstance(model, Path):
        proto = onnx.load(model, format="protobuf", load_external_data=False)
    else:
        proto = onnx.load_model_from_string(model)
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]
    with torch.inference_mode():
        return build_program(proto, Target(device, dtype))
