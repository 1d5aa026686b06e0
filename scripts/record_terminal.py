"""Record a swap and a lip sync by the embedded engines as they look in a terminal: docs/images/terminal.svg.

The commands really run, in a terminal of their own, on the two public-domain portraits and the synthetic voice of
``demo.py``; only the typing is played. termtosvg (https://pypi.org/project/termtosvg) draws the animation; where it is
not installed, uvx fetches it.

Usage: python scripts/record_terminal.py [--cast FILE], in the active environment, on Linux or macOS. --cast also keeps
the recording, in the format of asciinema.
"""

from __future__ import annotations

import argparse
import codecs
import json
import os
import pty
import shlex
import shutil
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

import _voice
import demo

__all__ = ["COMMANDS", "PICTURE", "record"]

PICTURE = demo.RESULTS.parent / "docs" / "images" / "terminal.svg"

COMMANDS = (
    "facefusion faceswap eileen.png grace.jpg --engine mesh -o swapped.jpg",
    "facefusion lipsync eileen.png voice.wav --engine mouth -o speaks.mp4",
)
_COLUMNS, _ROWS = 88, 11
_FRAME_MS, _LOOP_MS = 100, 4000
"""The shortest time a picture stands, and the last one."""
_PROMPT, _KEY, _BEFORE, _AFTER = "\033[32m$\033[0m ", 0.035, 0.6, 1.2
"""Seconds for each letter typed, before and after a command."""


def main() -> int:
    """Record, draw, and say how large the picture is."""
    parser = argparse.ArgumentParser(description="Record a swap and a lip sync as an animated picture.")
    parser.add_argument("--cast", type=Path, metavar="FILE", help="keep the recording too")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="facefusion-recording-") as name:
        folder = Path(name)
        _lay_out(folder)
        cast = folder / "terminal.cast"
        cast.write_text(record(COMMANDS, folder), encoding="utf-8")
        _draw(cast, PICTURE)
        if wanted.cast:
            shutil.copyfile(cast, wanted.cast)
    print(f"{PICTURE}: {PICTURE.stat().st_size / 1000:.0f} kB")
    return 0


def record(commands: tuple[str, ...], folder: Path) -> str:
    """The recording of commands that run in ``folder``, as asciicast of version 2."""
    events: list[tuple[float, str]] = []
    clock = 0.0
    for command in commands:
        events.append((clock, _PROMPT))
        clock += _BEFORE
        for letter in command:
            events.append((clock, letter))
            clock += _KEY
        events.append((clock, "\r\n"))
        said, seconds = _run(command, folder)
        events += [(clock + moment, text) for moment, text in said]
        clock += seconds + _AFTER
    events.append((clock, _PROMPT))
    head = {"version": 2, "width": _COLUMNS, "height": _ROWS, "title": "facefusion"}
    lines = [json.dumps(head), *(json.dumps([round(moment, 3), "o", text]) for moment, text in events)]
    return "\n".join(lines) + "\n"


def _run(command: str, folder: Path) -> tuple[list[tuple[float, str]], float]:
    """What a command writes to its terminal and when, and how long it takes."""
    ours, its = pty.openpty()
    termios.tcsetwinsize(its, (_ROWS, _COLUMNS))
    # A plain terminal of 256 colours, whatever this is run from.
    unwanted = {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "CI", "GITHUB_ACTIONS"}
    environment = {name: value for name, value in os.environ.items() if name not in unwanted}
    environment |= {"TERM": "xterm-256color", "FACEFUSION_HOME": str(folder / "home")}
    words = [sys.executable, "-m", "facefusion_cli", *shlex.split(command)[1:]]
    said: list[tuple[float, str]] = []
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    start = time.monotonic()
    with subprocess.Popen(
        words, cwd=folder, env=environment, stdin=its, stdout=its, stderr=its, start_new_session=True
    ) as process:
        os.close(its)
        while text := _read(ours):
            said.append((time.monotonic() - start, decoder.decode(text)))
    os.close(ours)
    if process.returncode:
        raise SystemExit(f"error: {command} ended with {process.returncode}:\n{''.join(text for _, text in said)}")
    return said, time.monotonic() - start


def _read(terminal: int) -> bytes:
    """What comes next; nothing once the other end is closed, which Linux reports as an error."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


def _lay_out(folder: Path) -> None:
    """Put what the commands need into a folder, and let them run once: the notice at the first use is not the show."""
    found = subprocess.run([sys.executable, "-c", demo.FIND_PORTRAITS], check=True, capture_output=True, text=True)
    for portrait, name in zip(found.stdout.splitlines(), ("eileen.png", "grace.jpg"), strict=True):
        shutil.copyfile(portrait, folder / name)
    _voice.write_voice(folder / "voice.wav")
    for command in COMMANDS:
        _run(command, folder)
    for result in ("swapped.jpg", "speaks.mp4"):
        (folder / result).unlink()


def _draw(cast: Path, picture: Path) -> None:
    installed = shutil.which("termtosvg")
    program = [installed] if installed else ["uvx", "termtosvg"]
    times = ["-m", str(_FRAME_MS), "-D", str(_LOOP_MS)]
    subprocess.run([*program, "render", str(cast), str(picture), "-t", "window_frame", *times], check=True)


if __name__ == "__main__":
    sys.exit(main())
