"""Decisions of ``scripts/_environment.py``; the installation itself is what every run of the scripts tests."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
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


@pytest.mark.parametrize("script", ["_environment.py", "demo.py", "test.py"])
def test_nothing_but_the_standard_library_is_needed(script: str) -> None:
    # -S leaves out site-packages; demo.py and test.py do nothing when they are not the main module.
    load = f"import runpy, sys; sys.path.insert(0, {str(SCRIPTS)!r}); runpy.run_path({str(SCRIPTS / script)!r})"
    subprocess.run([sys.executable, "-S", "-c", load], check=True)
