"""The right session for a network on a device, and why it is that one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from facefusion_cli.core.inference.examination import TORCH_FAILURES, examine, open_reference, open_torch
from facefusion_cli.core.inference.one_by_one import OneByOne
from facefusion_cli.core.inference.onnx_file import check_onnx
from facefusion_cli.core.inference.verdicts import recall, remember
from facefusion_cli.errors import WeightsDamagedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from facefusion_cli.core.device import Device
    from facefusion_cli.core.inference.session import Session
    from facefusion_cli.core.inference.verdicts import Verdict

__all__ = ["Network", "known_verdict", "open_network"]

_SMALL = 8 * 2**20
"""Networks in files below this size run on one thread: they gain little by more and lose much on a busy machine."""


@dataclass(frozen=True, slots=True)
class Network:
    """A session and what was found out about it."""

    session: Session
    """Takes any number of items along the first axis if ``verdict.batched``; else only the graph's own."""
    verdict: Verdict


def known_verdict(model: Path, device: Device, *, sha256: str) -> Verdict | None:
    """What an earlier run found out about a network, without opening it."""
    return recall(sha256, device, _threads(model, device))


def open_network(
    model: Path, device: Device, *, sha256: str, to_graph: Callable[[Path], bytes] | None = None, batch: int = 1
) -> Network:
    """Open an ONNX file for a device, or a file that ``to_graph`` makes an ONNX network of.

    ``batch``: how many items it will be given at a time, where it takes any number; it is what speed is judged by.

    The first time that a network of that SHA-256 is opened on a device, the torch maker runs beside onnxruntime on
    made-up inputs. It serves if it agrees as closely as its precision allows and, on a processor, is faster; else
    onnxruntime serves. The answer is remembered for as long as the libraries, the device and this code stay the same.

    Raises:
        WeightsDamagedError: it is not a network, or one that reaches outside its file.
        DeviceError: the device or precision asked for cannot run it.
        What ``to_graph`` raises.
    """
    threads = _threads(model, device)
    verdict = recall(sha256, device, threads)
    content = model if to_graph is None else to_graph(model)
    session = None if verdict is None else _reopened(model, content, device, threads, verdict)
    if verdict is None or session is None:
        if to_graph is None:
            check_onnx(model)
        session, verdict, lasting = examine(model, content, device, threads, batch)
        if lasting:
            remember(sha256, device, threads, verdict)
    if verdict.backend == "onnxruntime" and verdict.batched:
        session = OneByOne(session)
    return Network(session, verdict)


def _threads(model: Path, device: Device) -> int:
    try:
        return 1 if model.stat().st_size < _SMALL else device.threads
    except OSError as error:
        raise WeightsDamagedError(f'the network "{model}" cannot be read: {error.strerror}.') from error


def _reopened(model: Path, content: Path | bytes, device: Device, threads: int, verdict: Verdict) -> Session | None:
    """The session that the verdict speaks of; None where torch cannot make it this time."""
    if verdict.backend == "onnxruntime":
        return open_reference(model, content, threads)
    try:
        return open_torch(content, device, verdict.precision, threads)
    except TORCH_FAILURES:  # why is found out by examining it again
        return None
