"""Which device networks run on: proven, never silent."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Literal, get_args

from facefusion_cli.core import gpu
from facefusion_cli.core.cuda import Gpu
from facefusion_cli.core.processor import processor
from facefusion_cli.errors import DeviceError, UsageError

__all__ = [
    "DEVICE_VARIABLE",
    "MAX_THREADS",
    "Device",
    "Precision",
    "PrecisionWish",
    "check_wishes",
    "gpu_asked",
    "select_device",
]

Precision = Literal["fp32", "bf16", "fp16"]
PrecisionWish = Literal["auto", "fp32", "bf16", "fp16"]

DEVICE_VARIABLE = "FACEFUSION_DEVICE"
MAX_THREADS = 1024

# Turing without tensor cores: faces reported black or green in fp16, and nothing gained by it.
_NO_TENSOR_CORES = re.compile(r"\b(GTX 16\d\d|MX[45]50|T(4|5|6|10|12|20)00|T550)\b")


@dataclass(frozen=True, slots=True)
class Device:
    """Where to run, and how."""

    kind: Literal["cpu", "cuda"]
    index: int
    """Number of the GPU; 0 for the processor."""
    title: str
    """Its name, as its maker says it."""
    precisions: tuple[Precision, ...]
    """What may be tried here, best first, never empty; one that was asked for stands alone. Anything below fp32 is only
    used for a network whose self-check it passes, on a processor only where it is faster for that network too."""
    asked: bool
    """Whether the user named the device: then there is no falling back to another."""
    precision_asked: bool
    threads: int
    """For large networks, at least 1; small ones run on one."""
    note: str = ""
    """Why it is not a better one, in a sentence; "" if there is nothing to say."""

    @property
    def name(self) -> str:
        """As ``--device`` takes it: "cpu" or "cuda:0"."""
        return "cpu" if self.kind == "cpu" else f"cuda:{self.index}"


def select_device(wish: str | None = None, precision: PrecisionWish = "auto", threads: int | None = None) -> Device:
    """The device for ``wish`` (auto, cpu, cuda, cuda:N; None: ``FACEFUSION_DEVICE``, else auto).

    ``auto`` is the first GPU if it passes a small test, else the processor. A GPU that was asked for and fails is an
    error. PyTorch is imported only if there may be a GPU to ask it about.

    ``precision`` other than "auto" is taken at its word: bf16 is emulated where the hardware lacks it, and ``note``
    says so; fp16 is for GPUs only. ``threads``: 1 to 1024; None for as many as the process has cores.

    Raises:
        UsageError: no such device, precision or number of threads can be.
        DeviceError: the GPU asked for does not work, the sentence says why; or fp16 was asked for without a GPU.
    """
    kind, index = _parsed(wish)
    check_wishes(precision, threads)
    count = processor().cores if threads is None else threads
    if kind == "cpu":
        return _on_processor(precision, count, asked=True)
    if kind == "cuda":
        found = gpu.probe(index)
        if isinstance(found, Gpu):
            return _on_gpu(found, precision, count, asked=True)
        raise DeviceError(found.message, hint=found.hint)
    # Who hides the GPUs knows; a machine without one is no news.
    signs = () if gpu.hidden() else gpu.nvidia_signs()
    if not signs:
        return _on_processor(precision, count, asked=False)
    found = gpu.probe(0)
    if isinstance(found, Gpu):
        return _on_gpu(found, precision, count, asked=False)
    note = "" if signs == ("/dev/dxg",) else f"the GPU is not used: {found.message}"
    return _on_processor(precision, count, asked=False, note=note)


def gpu_asked(wish: str | None = None) -> bool:
    """Whether ``wish``, or ``FACEFUSION_DEVICE`` in its place, names a GPU; cheap.

    Raises:
        UsageError: no such device can be.
    """
    return _parsed(wish)[0] == "cuda"


def check_wishes(precision: PrecisionWish, threads: int | None) -> None:
    """Raise UsageError if there is no such precision, or no such number of threads can be."""
    if precision not in get_args(PrecisionWish):
        raise UsageError(f'there is no precision "{precision}".', hint="Choose auto, fp32, bf16 or fp16.")
    if threads is not None and not 1 <= threads <= MAX_THREADS:
        raise UsageError(f"--threads {threads} cannot be.", hint=f"Take 1 to {MAX_THREADS}.")


def _parsed(wish: str | None) -> tuple[Literal["auto", "cpu", "cuda"], int]:
    origin, value = "--device", wish
    if value is None:
        origin, value = f"the environment variable {DEVICE_VARIABLE}", os.environ.get(DEVICE_VARIABLE) or "auto"
    match = re.fullmatch(r"(auto|cpu|cuda)(?::(\d{1,3}))?", value.strip().lower(), re.ASCII)
    if match is None or (match[2] and match[1] != "cuda"):
        raise UsageError(
            f'{origin} says "{value}", which is no device.',
            hint="Choose auto, cpu, cuda or one of several GPUs, such as cuda:1.",
        )
    kind: Literal["auto", "cpu", "cuda"] = "auto" if match[1] == "auto" else "cpu" if match[1] == "cpu" else "cuda"
    return kind, int(match[2] or 0)


def _on_processor(wish: PrecisionWish, threads: int, *, asked: bool, note: str = "") -> Device:
    here = processor()
    precisions: tuple[Precision, ...]
    if wish == "fp16":
        raise DeviceError(
            "fp16 is only for GPUs; on a processor it is slower than fp32 and may overflow.",
            hint=note[:1].upper() + note[1:] or "Leave out --precision, or take bf16 or fp32.",
        )
    if wish != "auto":
        precisions = (wish,)
    elif here.bf16:
        precisions = ("bf16", "fp32")
    else:
        precisions = ("fp32",)
    if wish == "bf16" and not here.bf16:
        note = f"{note} {_emulated('this processor')}".strip()
    return Device("cpu", 0, here.name, precisions, asked, wish != "auto", threads, note)


def _on_gpu(found: Gpu, wish: PrecisionWish, threads: int, *, asked: bool) -> Device:
    precisions = (wish,) if wish != "auto" else _gpu_precisions(found)
    note = _emulated(found.name) if wish == "bf16" and found.capability < (8, 0) else ""
    return Device("cuda", found.index, found.name, precisions, asked, wish != "auto", threads, note)


def _gpu_precisions(found: Gpu) -> tuple[Precision, ...]:
    # Where both are in hardware they are equally fast; fp16 rounds eight times finer, bf16 reaches further.
    precisions: list[Precision] = []
    if found.capability >= (7, 5) and not _NO_TENSOR_CORES.search(found.name):
        precisions.append("fp16")
    if found.capability >= (8, 0):
        precisions.append("bf16")
    return (*precisions, "fp32")


def _emulated(name: str) -> str:
    return f"{name} has no bf16 in hardware: it is emulated, slower than fp32 and less exact."
