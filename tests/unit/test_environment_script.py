"""Decisions of ``scripts/_environment.py``; the installation itself is what every run of the scripts tests."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import venv
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture(scope="module")
def environment() -> ModuleType:
    spec = importlib.util.spec_from_file_location("_environment", SCRIPTS / "_environment.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("traceback", "missing"),
    [
        ("ImportError: libGL.so.1: cannot open shared object file: No such file or directory", True),
        ("ImportError: libgthread-2.0.so.0: cannot open shared object file: No such file or directory", True),
        ("ModuleNotFoundError: No module named 'cv2'", False),
        ("ImportError: numpy._core.multiarray failed to import", False),
        ("OSError: x.so: cannot open shared object file", False),
    ],
)
def test_the_headless_build_is_for_missing_system_libraries_only(
    environment: ModuleType, traceback: str, missing: bool
) -> None:
    assert environment.system_library_missing(traceback) is missing


def test_a_group_holds_the_packages_of_the_groups_it_includes(environment: ModuleType) -> None:
    demo, dev = environment.packages_of_group("demo"), environment.packages_of_group("dev")
    assert {name.split(">")[0] for name in demo} == {"matplotlib", "scikit-image"}
    assert set(demo) < set(dev)
    assert any(name.startswith("pytest>") for name in dev)


def test_an_old_python_gets_a_sentence(environment: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    old = SimpleNamespace(version_info=(3, 10, 13), version="3.10.13 (main)", executable="/usr/bin/python3")
    monkeypatch.setattr(environment, "sys", old)
    with pytest.raises(SystemExit, match=r"^error: Python 3\.11 or newer is needed; this is 3\.10\.13 at "):
        environment.prepare("demo")


@pytest.fixture
def bare(environment: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An environment without pip, as uv makes them, in place of the checkout's."""
    folder = tmp_path / ".venv"
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    monkeypatch.setattr(environment, "VENV", folder)
    monkeypatch.setattr(environment, "PYTHON", folder / environment.PYTHON.relative_to(environment.ROOT / ".venv"))
    return folder


class EnoughError(Exception):
    """The environment was found good, and would be filled now."""


@pytest.mark.parametrize("ensurepip", [True, False])
def test_an_environment_without_pip_is_kept_and_gets_one(
    environment: ModuleType, bare: Path, monkeypatch: pytest.MonkeyPatch, ensurepip: bool
) -> None:
    (bare / "mine.txt").write_text("mine", encoding="utf-8")
    real, asked = environment._run, []

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        asked.append([*map(str, arguments)])
        if "ensurepip" in arguments or "install" in arguments:
            failed = "ensurepip" in arguments and not ensurepip
            return subprocess.CompletedProcess(arguments, int(failed), "", "")
        result: subprocess.CompletedProcess[str] = real(*arguments)
        return result

    def fill(*_arguments: str) -> None:
        raise EnoughError

    monkeypatch.setattr(environment, "_run", run)
    monkeypatch.setattr(environment, "_install", fill)
    with pytest.raises(EnoughError):
        environment.prepare("demo")
    assert (bare / "mine.txt").exists()
    assert not any("venv" in words for words in asked)
    outside = [sys.executable, "-m", "pip", "--python", str(environment.PYTHON), "install", "pip"]
    assert (outside in asked) is not ensurepip


def test_an_environment_whose_python_is_gone_is_made_anew(environment: ModuleType, bare: Path) -> None:
    environment.PYTHON.unlink()
    assert not environment._works()
    environment._make()
    assert environment._works()
    assert not environment._has_pip()


@pytest.mark.parametrize("script", ["_environment.py", "demo.py", "test.py"])
def test_nothing_but_the_standard_library_is_needed(script: str) -> None:
    # -S leaves out site-packages; demo.py and test.py do nothing when they are not the main module.
    load = f"import runpy, sys; sys.path.insert(0, {str(SCRIPTS)!r}); runpy.run_path({str(SCRIPTS / script)!r})"
    subprocess.run([sys.executable, "-S", "-c", load], check=True)
