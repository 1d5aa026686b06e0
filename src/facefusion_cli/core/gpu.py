"""NVIDIA GPUs: whether there seems to be one, and whether it can be used; if not, why, in words."""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from facefusion_cli.core.cuda import Gpu, TorchCuda

if TYPE_CHECKING:
    from facefusion_cli.core.cuda import Cuda

__all__ = ["Unusable", "hidden", "nvidia_signs", "probe", "probe_all"]

_TOLERANCE = 1e-2
"""Of the largest value. CUDA may multiply fp32 with the 10 bits of TF32; a GPU that is broken is wrong altogether."""

_INDEX = "https://download.pytorch.org/whl/"
_NEW_CUDA, _OLD_CUDA = "cu130", "cu126"
"""Builds of PyTorch: for today's drivers; and for drivers before 580 and GPUs before Turing."""
_TO_CPU = "or use --device cpu."


@dataclass(frozen=True, slots=True)
class Unusable:
    """Why a GPU cannot be used, and what can be done."""

    message: str
    hint: str


def nvidia_signs() -> tuple[str, ...]:
    """What points to an NVIDIA GPU in this machine, without asking PyTorch, whose import takes seconds.

    None means that there certainly is no GPU that CUDA could use: its driver leaves such files everywhere. On Windows'
    own Linux (WSL) a device that any GPU may stand behind counts as well.
    """
    if sys.platform == "win32":
        library = Path(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "nvcuda.dll")
        return (str(library),) if library.exists() else ()
    if sys.platform != "linux":
        return ()
    places = [Path("/proc/driver/nvidia/version"), Path("/dev/nvmap"), Path("/dev/dxg")]
    places += sorted(Path("/dev").glob("nvidia[0-9]*"))
    tool = shutil.which("nvidia-smi")
    return (*(str(place) for place in places if place.exists()), *([tool] if tool else []))


def hidden() -> bool:
    """Whether ``CUDA_VISIBLE_DEVICES`` hides every GPU: the list ends at the first entry that is none."""
    return os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0].strip() in ("", "-1")


@cache
def probe(index: int) -> Gpu | Unusable:
    """The GPU of that number if a small computation on it gives what the processor gives, else why not.

    Asked once in a process; imports PyTorch.
    """
    started = _started()
    if isinstance(started, Unusable):
        return started
    cuda, count = started
    if index >= count:
        only = "only cuda:0" if count == 1 else f"only cuda:0 to cuda:{count - 1}"
        limited = " of those that CUDA_VISIBLE_DEVICES lets through" if "CUDA_VISIBLE_DEVICES" in os.environ else ""
        return Unusable(
            f"there is no cuda:{index}: there is {only}{limited}.", hint='"facefusion doctor" lists the devices.'
        )
    title = f"cuda:{index}"
    try:
        gpu = cuda.gpu(index)
        title = f"cuda:{index} ({gpu.name}, compute capability {gpu.capability[0]}.{gpu.capability[1]})"
        expected, found = cuda.sample("cpu"), cuda.sample(f"cuda:{index}")
    except (RuntimeError, AssertionError, OSError) as error:
        return _explained(str(error), cuda, title)
    # Written so that a NaN is no agreement.
    if float(abs(found - expected).max()) <= _TOLERANCE * float(abs(expected).max()):
        return gpu
    return Unusable(
        f"{title} computes wrongly: a small test does not give what the processor gives.",
        hint=f"Update NVIDIA's driver, undo overclocking, {_TO_CPU}",
    )


def probe_all() -> tuple[Gpu | Unusable, ...] | Unusable:
    """Every GPU that CUDA sees, probed; or why it sees none."""
    started = _started()
    if isinstance(started, Unusable):
        return started
    return tuple(probe(index) for index in range(started[1]))


@cache
def _started() -> tuple[Cuda, int] | Unusable:
    """CUDA and how many GPUs it sees, at least one; or why it does not work."""
    try:
        cuda = _cuda()
    except (ImportError, OSError) as error:
        return Unusable(f"PyTorch cannot be loaded: {_first_line(str(error))}.", hint=_sentence(_reinstall(_NEW_CUDA)))
    if cuda.built_for is None:
        return _without_cuda(cuda)
    if hidden():
        return _hidden()
    try:
        count = cuda.start()
    except (RuntimeError, AssertionError, OSError) as error:
        return _explained(str(error), cuda, "CUDA")
    return (cuda, count) if count else _explained("No CUDA GPUs are available", cuda, "CUDA")


def _cuda() -> Cuda:
    return TorchCuda()


def _explained(text: str, cuda: Cuda, device: str) -> Unusable:
    """What the error text of a library means."""
    if re.search(r"Found no NVIDIA driver|no CUDA-capable device|No CUDA GPUs are available", text):
        return _no_gpu()
    if re.search(r"not compiled with CUDA", text):
        return _without_cuda(cuda)
    if found := re.search(r"driver .*(?:too old|insufficient)|unsupported toolchain", text):
        version = re.search(r"found version (\d+)", text)
        driver = f" (it is for CUDA {_cuda_version(int(version[1]))})" if found and version else ""
        return Unusable(
            f"NVIDIA's driver{driver} is too old for this PyTorch ({cuda.torch}, built for CUDA {cuda.built_for}).",
            hint=f"Update the driver, or install a PyTorch for older ones: {_reinstall(_OLD_CUDA)}",
        )
    if re.search(r"no kernel image|not compatible with the current PyTorch", text):
        return Unusable(
            f"{device} is none of the GPUs that this PyTorch ({cuda.torch}) was built for.",
            hint=f"Take its newest version for a new GPU, a build for CUDA 12 for one older than Turing: "
            f"{_reinstall(_OLD_CUDA)}",
        )
    if re.search(r"out of memory|ALLOC_FAILED", text, re.IGNORECASE):
        return Unusable(
            f"{device} has no memory left, not even for a small test.",
            hint=f'Close what else uses the GPU ("nvidia-smi" lists it), {_TO_CPU}',
        )
    if re.search(r"busy or unavailable|exclusive", text):
        return Unusable(
            f"{device} is kept by another program.",
            hint=f'Close what else uses the GPU ("nvidia-smi" lists it), {_TO_CPU}',
        )
    reason = _first_line(text)
    if re.search(r"cudnn|cublas|nvrtc|curand|cannot open shared object|could not load library", text, re.IGNORECASE):
        return Unusable(
            f"a library that {device} needs does not work: {reason}.",
            hint="Take other CUDA versions out of LD_LIBRARY_PATH, or install PyTorch anew with the NVIDIA packages it "
            f"asks for: {_reinstall(_NEW_CUDA)}",
        )
    return Unusable(
        f"{device} does not work: {reason}.",
        hint=f'Restart the machine if its driver was updated; "nvidia-smi" must work too; {_TO_CPU}',
    )


def _without_cuda(cuda: Cuda) -> Unusable:
    build = f"the PyTorch installed here ({cuda.torch}) is built without CUDA"
    if nvidia_signs():
        return Unusable(f"{build}.", hint=_sentence(_reinstall(_NEW_CUDA)))
    return Unusable(
        f"no NVIDIA GPU was found, and {build}.",
        hint=f"Take --device cpu, or FACEFUSION_DEVICE=cpu. Where there is such a GPU: {_reinstall(_NEW_CUDA)}",
    )


def _no_gpu() -> Unusable:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    among = "" if visible is None else f' among those that CUDA_VISIBLE_DEVICES ("{visible}") lets through'
    return Unusable(
        f"no NVIDIA GPU was found{among}, or no driver for it.",
        hint=f"Install NVIDIA's driver; start a container with the GPU (docker run --gpus all); {_TO_CPU}",
    )


def _hidden() -> Unusable:
    value = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    return Unusable(
        f'the environment variable CUDA_VISIBLE_DEVICES ("{value}") hides every GPU.', hint=f"Unset it, {_TO_CPU}"
    )


def _cuda_version(number: int) -> str:
    """CUDA writes 12.4 as 12040."""
    return f"{number // 1000}.{number % 1000 // 10}"


def _first_line(text: str) -> str:
    return (text.strip().splitlines() or ["no reason is given"])[0].rstrip(". ")


def _reinstall(build: str) -> str:
    return f'run "pip uninstall -y torch", then "pip install torch --index-url {_INDEX}{build}".'


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
