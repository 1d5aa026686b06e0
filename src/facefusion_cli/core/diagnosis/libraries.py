"""Versions, and whether every library can be loaded."""

from __future__ import annotations

import io
import platform
import sys
import warnings
from contextlib import redirect_stdout
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from facefusion_cli import __version__
from facefusion_cli.core.diagnosis.report import Fact
from facefusion_cli.errors import FaceFusionError

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["LIBRARIES", "VARIANTS", "libraries"]

LIBRARIES = {
    "numpy": "numpy",
    "opencv-python": "cv2",
    "pillow": "PIL.Image",
    "pi-heif": "pi_heif",
    "onnxruntime": "onnxruntime",
    "onnx": "onnx",
    "torch": "torch",
    "insightface": "insightface",
    "librosa": "librosa.filters",
    "safetensors": "safetensors",
    "httpx2": "httpx2",
    "huggingface-hub": "huggingface_hub.file_download",
    "imageio-ffmpeg": "imageio_ffmpeg",
    "filelock": "filelock",
    "platformdirs": "platformdirs",
    "rich": "rich",
    "typer": "typer",
}
"""The project's dependencies, by the module that is imported to see whether they work: no package that only pretends
to be loaded until something of it is used."""

VARIANTS = {
    "opencv-python": ("opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless"),
    "onnxruntime": ("onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino", "onnxruntime-qnn"),
}
"""Packages that bring the same module; of several, one overwrites files of the other."""


def libraries() -> list[Fact]:
    """Python, this package and its dependencies, each of them imported."""
    bits = "64 bit" if sys.maxsize > 2**32 else "32 bit"
    python = f"{platform.python_version()} ({platform.python_implementation()}, {bits})"
    facts = [
        Fact("facefusion-cli", __version__, data={"version": __version__}),
        Fact("Python", python, data={"version": platform.python_version()}),
        Fact("platform", platform.platform(), data={"system": platform.system(), "machine": platform.machine()}),
    ]
    for name, module in LIBRARIES.items():
        facts += _library(name, module)
    return facts


def _library(name: str, module: str) -> list[Fact]:
    installed = {
        package: found for package in (name, *VARIANTS.get(name, ())) if (found := _version(package)) is not None
    }
    try:
        loaded = _loaded(module)
    except Exception as error:  # noqa: BLE001  (whatever a broken package raises on import, it ends in a sentence)
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(". ")
        problem = FaceFusionError(
            f"{name} cannot be loaded: {reason}." if installed else f"{name} is not installed.",
            hint=f"Run \"pip install --force-reinstall '{name}'\"." if installed else f'Run "pip install {name}".',
        )
        return [Fact.problem(name, problem, packages=installed)]
    package, number = next(iter(installed.items()), (name, None))
    data: dict[str, Any] = {"version": number, "packages": installed}
    text = number or "version unknown"
    if package != name:
        text += f" ({package})"
    if name == "torch":
        data["cuda"] = cuda = getattr(getattr(loaded, "version", None), "cuda", None)
        text += f" (built for CUDA {cuda})" if cuda else " (built without CUDA)"
    facts = [Fact(name, text, "ok", data)]
    if len(installed) > 1:
        facts.append(_conflict(name, installed))
    return facts


def _conflict(name: str, installed: dict[str, str]) -> Fact:
    packages = list(installed)
    listed = f"{', '.join(packages[:-1])} and {packages[-1]}"
    return Fact(
        f"{name} conflict",
        f"{listed} are installed over each other: each overwrites files of the other.",
        "note",
        {"packages": installed},
        f'Run "pip uninstall -y {" ".join(packages)}", then "pip install {name}".'
        + (" GPUs are used through PyTorch and need no other onnxruntime." if name == "onnxruntime" else ""),
    )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _loaded(module: str) -> ModuleType:
    """Import it, whatever it has to say about it."""
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        return import_module(module)
