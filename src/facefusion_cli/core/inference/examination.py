"""Which maker serves a network: both are tried beside each other, and onnxruntime is the measure."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facefusion_cli.core.failures import first_line
from facefusion_cli.core.inference import self_check
from facefusion_cli.core.inference.onnx_runtime import open_session
from facefusion_cli.core.inference.verdicts import Verdict
from facefusion_cli.errors import DeviceError, WeightsDamagedError

if TYPE_CHECKING:
    from pathlib import Path

    from facefusion_cli.core.device import Device, Precision
    from facefusion_cli.core.inference.self_check import Sample
    from facefusion_cli.core.inference.session import Session

__all__ = ["TORCH_FAILURES", "examine", "open_reference", "open_torch"]

TORCH_FAILURES = (RuntimeError, MemoryError, ImportError, OSError, ValueError, TypeError, LookupError)
"""What opening or running a network in torch may end with: its own errors, a library that cannot be loaded, a graph
that is not supported, and what a graph that nobody has foreseen may do."""


@dataclass(frozen=True, slots=True)
class _Trial:
    """What became of the torch maker in one precision."""

    session: Session | None
    reason: str
    batched: bool = False
    lasting: bool = True
    """Whether it would be the same another time."""
    hopeless: bool = False
    """Whether it would be the same in any precision."""


def examine(
    model: Path, content: Path | bytes, device: Device, threads: int, batch: int
) -> tuple[Session, Verdict, bool]:
    """The session that serves, why, and whether that answer is worth remembering.

    ``content`` is the ONNX network, ``model`` the file that it is or was made of, for messages; ``batch``: how many
    items it will be given at a time. One of the sessions is in memory at a time: they are large.

    Raises:
        WeightsDamagedError: onnxruntime cannot open the file.
        DeviceError: the device or precision asked for cannot run it.
    """
    reference = open_reference(model, content, threads)
    tried = [precision for precision in device.precisions if device.kind == "cuda" or precision != "fp32"]
    try:
        expected = self_check.samples(reference)
        seconds = self_check.seconds_per_run(reference, expected[0].feeds) if tried and device.kind == "cpu" else 0.0
    except Exception as error:
        if not (isinstance(error, ValueError) or _complains(error)):
            raise
        why = f"no inputs for it could be made up to compare with: {first_line(error)}"
        _insist(model, device, why)
        return reference, Verdict("onnxruntime", "cpu", "fp32", False, why), True
    batched = self_check.one_output_each(expected)
    if not tried:
        return reference, Verdict("onnxruntime", "cpu", "fp32", batched, "the fastest for fp32 on a processor"), True
    del reference
    gc.collect()
    reasons, lasting = [], True
    for precision in tried:
        trial = _try_torch(content, device, precision, threads, expected, batch, seconds)
        reasons.append(trial.reason)
        lasting &= trial.lasting
        if trial.session is not None:
            verdict = Verdict("torch", device.name, precision, trial.batched, "; ".join(reasons))
            return trial.session, verdict, lasting
        if trial.hopeless:
            break
        del trial
        gc.collect()
    why = "; ".join(reasons)
    _insist(model, device, why)
    return open_reference(model, content, threads), Verdict("onnxruntime", "cpu", "fp32", batched, why), lasting


def _insist(model: Path, device: Device, why: str) -> None:
    """Refuse where a device or a precision was asked for: what was asked for is never quietly replaced."""
    if device.precision_asked and device.precisions != ("fp32",):
        raise DeviceError(f'"{model.name}" cannot run as asked on {device.name}: {why}.', hint="Drop --precision.")
    if device.asked and device.kind == "cuda":
        raise DeviceError(f'"{model.name}" cannot run on {device.name}: {why}.', hint="Take --device cpu.")


def _try_torch(
    content: Path | bytes,
    device: Device,
    precision: Precision,
    threads: int,
    expected: list[Sample],
    batch: int,
    limit: float,
) -> _Trial:
    """Open it in torch and compare; ``limit``: the seconds that onnxruntime takes for each item, of which it gains
    nothing by having several; 0 where the device is another."""
    from facefusion_cli.core.inference.torch_graph import UnsupportedGraphError

    try:
        session = open_torch(content, device, precision, threads)
        difference = self_check.compare(session, expected)
        if not difference.tolerable(precision):
            return _Trial(None, f"torch in {precision} is off by {difference}")
        batched = self_check.batches_freely(session, expected, precision)
        items = batch if batched else 1
        feeds = {name: np.repeat(array, items, axis=0) for name, array in expected[0].feeds.items()}
        seconds = self_check.seconds_per_run(session, feeds) / items
    except UnsupportedGraphError as error:
        return _Trial(None, f"torch cannot run this graph: {first_line(error)}", hopeless=True)
    except TORCH_FAILURES as error:
        return _Trial(None, f"torch in {precision} fails: {first_line(error)}", lasting=not _may_pass(error))
    reason = f"torch in {precision} agrees with onnxruntime (off by {difference})"
    if limit and seconds > limit:
        reason = f"{reason}, {seconds / limit:.1f} times as slow"
        if not device.precision_asked:
            return _Trial(None, reason)
    elif limit:
        reason = f"{reason}, {limit / seconds:.1f} times as fast"
    return _Trial(session, reason, batched)


def _may_pass(error: Exception) -> bool:
    """Whether it may be gone another time: a lack of memory, of a library, or something about the GPU."""
    passing = any(sign in str(error).lower() for sign in ("memory", "cuda", "cudnn", "cublas"))
    return isinstance(error, MemoryError | ImportError | OSError) or (isinstance(error, RuntimeError) and passing)


def open_torch(content: Path | bytes, device: Device, precision: Precision, threads: int) -> Session:
    """The network in torch.

    Raises:
        TORCH_FAILURES: it cannot be.
    """
    from facefusion_cli.core.inference.torch_graph import open_torch_graph

    return open_torch_graph(content, device=device.name, precision=precision, threads=threads)


def open_reference(model: Path, content: Path | bytes, threads: int) -> Session:
    """The network on onnxruntime; ``model`` is the file for messages.

    Raises:
        WeightsDamagedError: onnxruntime does not take the content for a network.
    """
    try:
        return open_session(content, threads)
    except Exception as error:
        if not _complains(error):
            raise
        raise WeightsDamagedError(
            f'"{model}" is not a network that onnxruntime can open: {first_line(error)}.',
            hint='"facefusion download-models --verify" checks what is stored.',
        ) from error


def _complains(error: Exception) -> bool:
    """Whether onnxruntime finds fault with the network or its inputs; a lack of memory is told elsewhere."""
    return type(error).__module__.startswith("onnxruntime") and "alloc" not in str(error)
