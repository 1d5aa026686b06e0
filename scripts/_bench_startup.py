"""Start of the command, as whole processes: its help, and how soon it tells what it is doing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from _bench_frame import Benchmark, Case, Group

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["STARTUP"]

_EMPTY_APP = """
import typer
app = typer.Typer()
@app.command()
def nothing() -> None:
    "Do nothing."
app()
"""


def _startup(_folder: Path | None) -> Iterator[Group]:
    facefusion = shutil.which("facefusion", path=str(Path(sys.executable).parent))
    if facefusion is None:
        raise SystemExit(f"error: there is no command facefusion beside {sys.executable}.")
    empty = Case("an empty Typer app --help", partial(_process, sys.executable, "-c", _EMPTY_APP, "--help"))
    ours = [
        Case(" ".join(("facefusion", *arguments)), partial(_process, facefusion, *arguments))
        for arguments in (("--help",), ("faceswap", "--help"), ("--version",))
    ]
    yield Group("whole processes", [empty, *ours])
    with tempfile.TemporaryDirectory() as folder:
        yield Group("work on a video in 720p, until the first line", [empty, *_first_lines(facefusion, Path(folder))])


def _process(*arguments: str) -> None:
    subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)


def _first_lines(facefusion: str, folder: Path) -> Iterator[Case]:
    """What the embedded engines say first: which video of how many frames they are at work on."""
    import cv2
    from _bench_faces import _hopper
    from _bench_lipsync_clip import moving_portrait, voice

    clip, sound = moving_portrait(folder / "clip.mp4", 1280, 720, 2), voice(folder / "voice.wav", 2)
    cv2.imwrite(str(folder / "source.png"), _hopper())
    (folder / "home" / "state").mkdir(parents=True)
    (folder / "home" / "state" / "first-use").touch()  # what is said once is no progress
    environment = {**os.environ, "FACEFUSION_HOME": str(folder / "home")}
    output = ("-o", str(folder / "out.mp4"))
    commands = {
        "facefusion faceswap --engine mesh": ("faceswap", str(folder / "source.png"), str(clip), "--engine", "mesh"),
        "facefusion lipsync --engine mouth": ("lipsync", str(clip), str(sound), "--engine", "mouth"),
    }
    for name, arguments in commands.items():
        yield Case(name, partial(_first_line, [facefusion, *arguments, *output], environment))


def _first_line(command: list[str], environment: dict[str, str]) -> None:
    """Run it until it has said something on stderr, which is no terminal."""
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        process.kill()
    if "frames" not in line:
        raise SystemExit(f"error: {' '.join(command[:2])} says first: {line}")


STARTUP = Benchmark("start of the command, whole processes", 15, _startup)
