"""What starting the command costs, told by what it imports."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = {"PIL", "cv2", "huggingface_hub", "insightface", "librosa", "numpy", "onnx", "onnxruntime", "scipy", "torch"}

COMMAND = "from facefusion_cli.cli import main; code = main(sys.argv[1:])"
EMPTY_APP = """
import typer
app = typer.Typer()
app.command("one")(lambda: None)
app.command("two")(lambda: None)
code = app(sys.argv[1:], standalone_mode=False)
"""
REPORT = "\nprint(json.dumps([code, list(sys.modules)]), file=sys.stderr)"


def modules_after(code: str, *arguments: str, cwd: Path) -> tuple[int, set[str]]:
    """Run Python code that sets ``code``; its value and the names of all modules then loaded."""
    command = [sys.executable, "-c", f"import json, sys\n{code}{REPORT}", *arguments]
    run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=cwd)
    exit_code, modules = json.loads(run.stderr.splitlines()[-1])
    return exit_code, set(modules)


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (["--help"], 0),
        (["-h"], 0),
        (["--version"], 0),
        ([], 2),
        (["faceswap", "--help"], 0),
        (["lipsync", "--help"], 0),
        (["faces", "--help"], 0),
        (["faceswap", "--fece", "left", "a.jpg", "b.jpg"], 2),
        (["faceswap", "a.jpg"], 2),
        (["faceswap", "a.jpg", "b.jpg", "-o", "c.xyz"], 2),
        (["faceswap", "a.jpg", "b.jpg", "c.jpg"], 2),
        (["faceswap", "a.jpg", "b.jpg", "-o", "missing/c.jpg"], 1),
        (["lipsync", "a.mp4"], 2),
        (["lipsync", "a.mp4", "b.wav", "-o", "c.xyz"], 2),
        (["lipsync", "a.mp4", "b.wav", "--face", "all"], 2),
        (["lipsync", "a.mp4", "b.wav", "--chunk-seconds", "90"], 2),
        (["lipsync", "a.mp4", "b.wav", "--fps", "x"], 2),
        (["lipsync", "a.mp4", "b.wav", "--codec", "x"], 2),
        (["lipsync", "a.mp4", "b.wav", "-o", "missing/c.mp4"], 1),
        (["faces", "a.jpg", "-o", "c.xyz"], 2),
    ],
)
def test_nothing_heavy_is_loaded_before_there_is_work(tmp_path: Path, arguments: list[str], exit_code: int) -> None:
    code, modules = modules_after(COMMAND, *arguments, cwd=tmp_path)
    assert code == exit_code
    assert {name.partition(".")[0] for name in modules} & HEAVY == set()


def test_help_loads_hardly_more_than_an_empty_typer_app_does(tmp_path: Path) -> None:
    _, ours = modules_after(COMMAND, "--help", cwd=tmp_path)
    _, empty = modules_after(EMPTY_APP, "--help", cwd=tmp_path)
    more = {name for name in ours - empty if not name.startswith("facefusion_cli")}
    assert more <= {"__main__", "signal", "_signal"}
    assert len(ours - empty) < 34
