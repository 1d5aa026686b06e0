"""The checkout's own virtual environment, ``.venv``: made, filled and checked for the scripts beside this file.

Nothing but the standard library is used, since it runs before anything is installed. An environment that works is kept;
it is filled anew only when what it depends on has changed.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

__all__ = ["PYTHON", "ROOT", "command", "packages_of_group", "prepare", "say", "system_library_missing"]

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
_BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = _BIN / ("python.exe" if os.name == "nt" else "python")
"""The environment's Python; never resolved, because a link into another folder is what makes it the environment's."""
CONSTRAINTS = ROOT / "scripts" / "constraints.txt"


def command(name: str) -> Path:
    """Path of a command that is installed in the environment."""
    return _BIN / (f"{name}.exe" if os.name == "nt" else name)


def say(text: str) -> None:
    """Print a line at once, so that it stands before what the next process prints."""
    print(text, flush=True)


def _stop(sentence: str) -> NoReturn:
    raise SystemExit(f"error: {sentence}")


def prepare(group: str, extra: str = "") -> None:
    """See to it that the environment holds the project, one of its extras and the packages of a dependency group.

    Raises:
        SystemExit: it cannot be made; the sentence says why.
    """
    if sys.version_info < (3, 11):  # noqa: UP036  (older ones get this far, and deserve a sentence)
        _stop(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]} at {sys.executable}.")
    if not _works():
        _make()
    if not _has_pip():
        _put_pip_in()
    stamp = VENV / f"installed-{group}.txt"
    state = _state()
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != state:
        stamp.unlink(missing_ok=True)
        say(f"Installing the project and its {group} packages into {VENV} (some minutes the first time)")
        project = f".[{extra}]" if extra else "."
        if not _install("--constraint", str(CONSTRAINTS), "--editable", project, *packages_of_group(group)):
            _stop("the packages could not be installed; pip's own words stand above.")
        stamp.write_text(state, encoding="utf-8")
    _check_opencv()


def packages_of_group(group: str) -> list[str]:
    """Requirements of a dependency group in pyproject.toml; pip itself knows groups only since 25.1."""
    import tomllib

    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    packages: list[str] = []
    for entry in groups[group]:
        packages += [entry] if isinstance(entry, str) else packages_of_group(entry["include-group"])
    return packages


def system_library_missing(traceback: str) -> bool:
    """Whether an import failed because a shared library of the system (libGL, libgthread ...) is not there."""
    return "ImportError" in traceback and "cannot open shared object file" in traceback


def _state() -> str:
    """What an installation depends on: the lists of packages, and the place that the editable install points to."""
    digest = hashlib.sha256(str(ROOT).encode())
    for path in (ROOT / "pyproject.toml", CONSTRAINTS):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _works() -> bool:
    try:
        probe = _run(PYTHON, "-c", "import sys; sys.exit(sys.version_info < (3, 11))")
    except OSError:  # not there, a dangling link, or made by another operating system
        return False
    return probe.returncode == 0


def _make() -> None:
    say(f"Making a virtual environment in {VENV}")
    bare = _run(sys.executable, "-m", "venv", "--clear", "--without-pip", VENV)
    if bare.returncode != 0:
        _stop(f"{sys.executable} cannot make a virtual environment ({_last_line(bare)}).")


def _has_pip() -> bool:
    return _run(PYTHON, "-c", "import pip").returncode == 0


def _put_pip_in() -> None:
    """Put pip into an environment that is new, or was made without (``uv venv``)."""
    if _run(PYTHON, "-m", "ensurepip", "--default-pip").returncode == 0:
        return
    # Debian's Python lacks ensurepip until python3-venv is installed. Then a pip from outside puts one in.
    pip = _run(sys.executable, "-m", "pip", "--python", PYTHON, "install", "pip")
    if pip.returncode != 0:
        _stop(
            f"there is no pip to put into the virtual environment ({_last_line(pip)}); "
            "install pip 22.3 or newer, or Debian's package python3-venv."
        )


def _check_opencv() -> None:
    """Put OpenCV's headless build over the other one where that cannot be imported."""
    probe = _import_opencv()
    if probe.returncode == 0:
        return
    if not system_library_missing(probe.stderr):
        _stop(f"OpenCV cannot be imported ({_last_line(probe)}).")
    ask = "from importlib.metadata import version; print(version('opencv-python'))"
    version = _run(PYTHON, "-c", ask).stdout.strip()
    say(f"OpenCV cannot be imported here ({_last_line(probe)})")
    say(f"Putting opencv-python-headless {version}, which needs no such library, over it (in {VENV} only)")
    if not _install("--force-reinstall", "--no-deps", f"opencv-python-headless=={version}"):
        _stop("opencv-python-headless could not be installed; pip's own words stand above.")
    probe = _import_opencv()
    if probe.returncode != 0:
        _stop(f"OpenCV cannot be imported, not even its headless build ({_last_line(probe)}).")


def _import_opencv() -> subprocess.CompletedProcess[str]:
    return _run(PYTHON, "-c", "import cv2")


def _install(*arguments: str) -> bool:
    pip = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", *arguments]
    return subprocess.run(pip, cwd=ROOT, check=False).returncode == 0


def _run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*map(str, arguments)], cwd=ROOT, check=False, capture_output=True, text=True, errors="replace"
    )


def _last_line(result: subprocess.CompletedProcess[str]) -> str:
    lines = (result.stderr.strip() or result.stdout.strip()).splitlines()
    return lines[-1] if lines else f"exit code {result.returncode}"
