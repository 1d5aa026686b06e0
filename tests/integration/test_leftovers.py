"""After any end of a run nothing is left: no file, no thread, no process, no lock.

The commands run as people run them, in a process that is slowed down so that signals find it in the middle of writing.
Whatever a run starts inherits a mark in its environment, by which its processes are found wherever they have gone.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from facefusion_cli.cli import main
from facefusion_cli.core.media.images import read_picture
from facefusion_cli.core.media.video.probe import probe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are found by /proc")

# Pieces of five frames; a picture of which only half is written, and frames that are written slowly from the eighth on.
PROGRAM = """
import sys, time
from fractions import Fraction
from functools import partial
from facefusion_cli.cli import main
from facefusion_cli.core.faceswap import job as pictures
from facefusion_cli.core.faceswap.video import job as videos
from facefusion_cli.core.media.segments import plan_segments
from facefusion_cli.core.media.video.writer import FrameWriter

slow, written = sys.argv[1] == "slow", 0
videos.plan_segments = partial(plan_segments, seconds=Fraction(1, 5))

def write(self, frame, write=FrameWriter.write):
    global written
    write(self, frame)
    written += 1
    if written == 8:
        print("ready", file=sys.stderr, flush=True)
    if written >= 8:
        time.sleep(0.5)

def write_picture(picture, path, *rest, write=pictures.write_picture, **options):
    path.write_bytes(b"half")
    print("ready", file=sys.stderr, flush=True)
    time.sleep(60)

if slow:
    FrameWriter.write = write
    pictures.write_picture = write_picture
sys.exit(main(sys.argv[2:]))
"""

QUICK = ["--preset", "ultrafast"]
COMMANDS = {
    "picture": ["faceswap", "b.jpg", "a.png", "-o", "out.png", "--engine", "mesh"],
    "video": ["faceswap", "b.jpg", "film.mp4", "-o", "out.mp4", "--engine", "mesh", *QUICK],
    "lipsync": [
        "lipsync",
        "film.mp4",
        "voice.wav",
        "-o",
        "out.mp4",
        "--engine",
        "mouth",
        "--chunk-seconds=0.2",
        *QUICK,
    ],
}
FAILING = {
    "picture": ["faceswap", "b.jpg", "cut.png", "-o", "out.png", "--engine", "mesh"],
    "video": [*COMMANDS["video"], "--strict"],
    "lipsync": [*COMMANDS["lipsync"], "--strict"],
}


@dataclass(frozen=True)
class Place:
    """Where a run works: its current folder, its home and its folder for temporary files, and who was started there."""

    folder: Path
    home: Path
    temporary: Path
    mark: str

    def files(self) -> set[str]:
        """All there is, also what is hidden."""
        roots = (self.folder, self.home, self.temporary)
        return {str(path.relative_to(self.folder.parent)) for root in roots for path in root.rglob("*")}

    def processes(self) -> list[str]:
        """The command lines of all that run with the mark and have not ended."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    if self.mark.encode() in (entry / "environ").read_bytes():
                        found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
                except OSError:  # it has gone meanwhile
                    continue
        return found

    def until_alone(self) -> None:
        """Processes of a killed one may take a moment to notice."""
        end = time.monotonic() + 20
        while (left := self.processes()) and time.monotonic() < end:
            time.sleep(0.05)
        assert left == []

    def locks(self) -> list[str]:
        """Locks that are held on any of the files, as Linux lists them."""
        inodes = {path.stat().st_ino for path in (self.folder.parent).rglob("*") if path.is_file()}
        held = Path("/proc/locks").read_text().splitlines()
        return [line for line in held if int(line.split()[-3].rpartition(":")[2]) in inodes]


@pytest.fixture
def place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, astronaut: Path, hopper: Path, clip: Callable[..., Path]
) -> Iterator[Place]:
    place = Place(tmp_path / "place", tmp_path / "home", tmp_path / "tmp", f"LEFTOVERS_OF={tmp_path}")
    for folder in (place.folder, place.home, place.temporary):
        folder.mkdir()
    shutil.copy(astronaut, place.folder / "a.png")
    shutil.copy(hopper, place.folder / "b.jpg")
    whole = (place.folder / "a.png").read_bytes()
    (place.folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    face = cv2.resize(read_picture(astronaut).bgr[0:300, 80:380], (160, 160), interpolation=cv2.INTER_AREA)
    shutil.copy(clip([face.astype(np.uint8)] * 20, audio="aac"), place.folder / "film.mp4")
    with wave.open(str(place.folder / "voice.wav"), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(bytes(2 * 12800))
    monkeypatch.chdir(place.folder)
    for name, value in (("FACEFUSION_HOME", place.home), ("TMPDIR", place.temporary), ("LEFTOVERS_OF", tmp_path)):
        monkeypatch.setenv(name, str(value))
    yield place
    place.until_alone()


def start(pace: str, words: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, pace, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Tests may be run by something that ignores SIGINT, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def ended(process: subprocess.Popen[str]) -> str:
    """What it said on stderr until it ended."""
    try:
        return process.communicate(timeout=60)[1]
    finally:
        process.kill()


def started(words: list[str]) -> subprocess.Popen[str]:
    """A run that waits in the middle of its work."""
    process = start("slow", words)
    assert process.stderr is not None
    for line in process.stderr:
        if line == "ready\n":
            return process
    pytest.fail("it ended before")


def remembered(place: Place) -> set[str]:
    """What may stay in the home folder for good: none of it grows with the number of runs."""
    return {name for name in place.files() if name.startswith("home")}


def cut_film(place: Place) -> None:
    """Of which not all frames can be decoded."""
    film = place.folder / "film.mp4"
    data = bytearray(film.read_bytes())
    begin = data.index(b"mdat") + 4
    length = int.from_bytes(data[begin - 8 : begin - 4], "big")
    data[begin + length // 2 : begin + length - 8] = bytes(length - 8 - length // 2)
    film.write_bytes(data)


@pytest.mark.parametrize("kind", COMMANDS)
def test_a_normal_end_and_an_error_leave_no_thread_and_no_file(
    place: Place, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In this process, where threads would be seen; they are counted after a first run has loaded everything."""
    before = place.files()
    output = f"place/{'out.png' if kind == 'picture' else 'out.mp4'}"
    assert main(COMMANDS[kind]) == 0, capsys.readouterr().err
    kept = remembered(place)
    threads = {thread.ident for thread in threading.enumerate()}
    assert main(COMMANDS[kind]) == 0
    assert place.files() == before | {output} | kept
    cut_film(place)
    assert main(FAILING[kind]) == 1
    assert place.files() == before | {output} | kept
    assert {thread.ident for thread in threading.enumerate()} <= threads
    assert place.processes() == []
    assert place.locks() == []


def _ends() -> Iterator[object]:
    """Other tests stop pictures by SIGINT and SIGHUP and lip syncs by SIGINT."""
    exit_codes = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129, "SIGKILL": -9}
    for name, ident in {"SIGINT": "f09", "SIGTERM": "f10", "SIGHUP": "f11", "SIGKILL": "f12"}.items():
        for kind in COMMANDS if name in {"SIGTERM", "SIGKILL"} else ("video",):
            yield pytest.param(kind, getattr(signal, name), exit_codes[name], id=f"{ident}-{kind}")


@pytest.mark.parametrize(("kind", "signum", "exit_code"), [*_ends()])
def test_f09_f10_f11_f12_a_signal_leaves_nothing_but_announced_pieces(
    place: Place, kind: str, signum: signal.Signals, exit_code: int
) -> None:
    before = place.files()
    process = started(COMMANDS[kind])
    assert place.files() - before, "the test must catch it in the middle of its work"
    if kind != "picture":
        assert any("ffmpeg" in line for line in place.processes())
    assert place.locks()
    os.killpg(process.pid, signum)
    said = ended(process)
    assert process.returncode == exit_code
    place.until_alone()
    assert place.locks() == []
    assert not [path for path in place.folder.iterdir() if path.name.startswith("out")]
    assert list(place.temporary.iterdir()) == []
    left = {path.name for path in place.folder.iterdir()} - {name.split("/")[1] for name in before if "/" in name}
    if signum != signal.SIGKILL:
        assert bool(left) == (kind != "picture")
        assert ("kept for 14 days" in said) == bool(left)
        assert all(name.endswith(".work") for name in left)
        if left:
            (work,) = left
            assert not list((place.folder / work).glob("unfinished-*")), "only what is whole is kept"
    again = start("quick", COMMANDS[kind])
    said = ended(again)
    assert again.returncode == 0, said
    after = place.files() - before
    output = "place/out.png" if kind == "picture" else "place/out.mp4"
    assert {name for name in after if not name.startswith("home")} == {output}
    assert not any("work-folders" in name for name in after), "nor is it remembered"
    if kind != "picture":
        assert probe(place.folder / "out.mp4").frames == 20
    place.until_alone()
    assert place.locks() == []
