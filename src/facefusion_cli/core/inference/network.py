"""The right session for a network on a device, and why it is that one."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from facefusion_cli.core.inference import self_check
from facefusion_cli.core.inference.one_by_one import OneByOne
from facefusion_cli.core.inference.onnx_file import check_onnx
from facefusion_cli.core.inference.onnx_runtime import open_session
from facefusion_cli.core.inference.verdicts import Verdict, recall, remember
from facefusion_cli.errors import DeviceError, WeightsDamagedError

if TYPE_CHECKING:
    from pathlib import Path

    from facefusion_cli.core.device import Device, Precision
    from facefusion_cli.core.inference.self_check import Sample
    from facefusion_cli.core.inference.session import Session

__all__ = ["Network", "known_verdict", "open_network"]

_SMALL = 8 * 2**20
"""Networks in files below this size run on one thread: they gain little by more and lose much on a busy machine."""


@dataclass(frozen=True, slots=True)
class Network:
    """A session and what was found out about it."""

    session: Session
    """Takes any number of items along the first axis if ``verdict.batched``; else only the graph's own."""
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class _Trial:
    """What became of the torch maker in one precision."""

    session: Session | None
    reason: str
    batched: bool = False
    seconds: float = 0.0
    lasting: bool = True
    """Whether it would be the same another time; a lack of memory would not."""


def known_verdict(model: Path, device: Device, *, sha256: str) -> Verdict | None:
    """What an earlier run found out about a network, without opening it."""
    return recall(sha256, device, _threads(model, device))


def open_network(model: Path, device: Device, *, sha256: str) -> Network:
    """Open an ONNX file for a device.

    The first time that a file of that SHA-256 is opened on a device, the torch maker runs beside onnxruntime on made-up
    inputs. It serves if it agrees as closely as its precision allows and, on a processor, is faster; else onnxruntime
    serves. The answer is remembered for as long as the libraries, the device and this code stay the same.

    Raises:
        WeightsDamagedError: it is not a network, or one that reaches outside its file.
        DeviceError: the device or precision asked for cannot run it.
    """
    threads = _threads(model, device)
    verdict = recall(sha256, device, threads)
    if verdict is None:
        check_onnx(model)
        session, verdict, lasting = _examine(model, device, threads)
        if lasting:
            remember(sha256, device, threads, verdict)
    elif verdict.backend == "torch":
        session = _open_torch(model, device, verdict.precision, threads)
    else:
        session = _open_onnx_runtime(model, threads)
    if verdict.backend == "onnxruntime" and verdict.batched:
        session = OneByOne(session)
    return Network(session, verdict)


def _threads(model: Path, device: Device) -> int:
    try:
        return 1 if model.stat().st_size < _SMALL else device.threads
    except OSError as error:
        raise WeightsDamagedError(f'the network "{model}" cannot be read: {error.strerror}.') from error


def _examine(model: Path, device: Device, threads: int) -> tuple[Session, Verdict, bool]:
    """Try the makers beside each other, one in memory at a time; also whether the answer is worth remembering."""
    reference = _open_onnx_runtime(model, threads)
    tried = [precision for precision in device.precisions if device.kind == "cuda" or precision != "fp32"]
    try:
        expected = self_check.samples(reference)
    except ValueError as error:
        return reference, Verdict("onnxruntime", "cpu", "fp32", False, f"it cannot be compared: {error}"), True
    if not tried:
        return reference, _verdict_for_onnx_runtime(expected, "the fastest for fp32 on a processor"), True
    seconds = self_check.seconds_per_run(reference, expected[0].feeds) if device.kind == "cpu" else 0.0
    del reference
    gc.collect()
    reasons, lasting = [], True
    for precision in tried:
        trial = _try_torch(model, device, precision, threads, expected)
        reason = trial.reason
        if trial.session is not None and device.kind == "cpu":
            ratio = seconds / trial.seconds
            reason += (
                f", {ratio:.1f} times as fast as onnxruntime" if ratio >= 1 else f", {1 / ratio:.1f} times as slow"
            )
            if ratio < 1 and not device.precision_asked:
                trial = _Trial(None, reason)
        if trial.session is not None:
            return trial.session, Verdict("torch", device.name, precision, trial.batched, reason), True
        reasons.append(reason)
        lasting &= trial.lasting
        del trial
        gc.collect()
    why = "; ".join(reasons)
    if device.precision_asked:
        raise DeviceError(f'"{model.name}" cannot run as asked on {device.name}: {why}.', hint="Drop --precision.")
    if device.asked and device.kind == "cuda":
        raise DeviceError(f'"{model.name}" cannot run on {device.name}: {why}.', hint="Take --device cpu.")
    return _open_onnx_runtime(model, threads), _verdict_for_onnx_runtime(expected, why), lasting


def _verdict_for_onnx_runtime(expected: list[Sample], why: str) -> Verdict:
    return Verdict("onnxruntime", "cpu", "fp32", self_check.one_output_each(expected), why)


def _try_torch(model: Path, device: Device, precision: Precision, threads: int, expected: list[Sample]) -> _Trial:
    from facefusion_cli.core.inference.torch_graph import UnsupportedGraphError

    try:
        session = _open_torch(model, device, precision, threads)
        difference = self_check.compare(session, expected)
        if not difference.tolerable(precision):
            return _Trial(None, f"torch in {precision} is off by {difference}")
        batched = self_check.batches_freely(session, expected, precision)
        seconds = self_check.seconds_per_run(session, expected[0].feeds)
    except UnsupportedGraphError as error:
        return _Trial(None, f"torch cannot run this graph: {error}")
    except RuntimeError as error:  # torch's own, a lack of memory among them
        return _Trial(None, f"torch in {precision} fails: {_first_line(error)}", lasting=False)
    return _Trial(session, f"torch in {precision} agrees with onnxruntime (off by {difference})", batched, seconds)


def _open_torch(model: Path, device: Device, precision: Precision, threads: int) -> Session:
    from facefusion_cli.core.inference.torch_graph import open_torch_graph

    return open_torch_graph(model, device=device.name, precision=precision, threads=threads)


def _open_onnx_runtime(model: Path, threads: int) -> Session:
    try:
        return open_session(model, threads)
    except Exception as error:
        if not _refused_by_onnx_runtime(error):
            raise
        raise WeightsDamagedError(
            f'"{model}" is not a network that onnxruntime can open: {_first_line(error)}.',
            hint='"facefusion download-models --verify" checks what is stored.',
        ) from error


def _refused_by_onnx_runtime(error: Exception) -> bool:
    """Whether the file is at fault; a lack of memory is told elsewhere."""
    return type(error).__module__.startswith("onnxruntime") and "alloc" not in str(error)


def _first_line(error: Any) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__).rstrip(".")
