"""No ffmpeg outlives the program that started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from facefusion_cli.core.media.video import process
from facefusion_cli.core.media.video.ffmpeg import ffmpeg_answer, ffmpeg_program
from facefusion_cli.core.media.video.process import FfmpegRun, end_all

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.name != "posix", reason="a shell script stands for ffmpeg")


@pytest.fixture
def sleeper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in ffmpeg's place that has a child, which writes down its number and sleeps."""
    program, pid = tmp_path / "ffmpeg", tmp_path / "pid"
    real = ffmpeg_program()
    program.write_text(
        f'#!/bin/sh\n[ "$2" = -version ] && exec "{real}" -version\n'
        f'sleep 600 &\necho $! > "{pid}.new"; mv "{pid}.new" "{pid}"; wait\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(program))
    ffmpeg_answer.cache_clear()
    return pid


def wait_until(done: object, what: str) -> None:
    assert callable(done)
    for _ in range(400):
        if done():
            return
        time.sleep(0.05)
    pytest.fail(f"{what} did not come")


def gone(pid: Path) -> bool:
    try:
        os.kill(int(pid.read_text()), 0)
    except ProcessLookupError:
        return True
    # Whoever adopted it may not have asked yet what became of it.
    status = subprocess.run(["ps", "-o", "stat=", "-p", pid.read_text().strip()], capture_output=True, check=False)
    return status.stdout[:1] in {b"Z", b""}


def test_all_of_them_end_at_once_and_another_can_start(sleeper: Path) -> None:
    codes = []

    def work() -> None:
        with FfmpegRun([]) as run:
            codes.append(run.finish())

    for _ in range(2):
        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        wait_until(sleeper.exists, "the child")
        wait_until(lambda: len(process._runs.running) == 2, "the second")
        end_all()
        for thread in threads:
            thread.join()
        assert gone(sleeper)
        sleeper.unlink()
    assert codes == [-signal.SIGKILL] * 4
    assert not process._runs.running
    assert not process._runs.starting


def test_what_starts_while_the_process_leaves_ends_too(sleeper: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process._runs, "leaving", False)
    end_all(leaving=True)
    with FfmpegRun([]) as run:
        assert run.finish() == -signal.SIGKILL


LEAVING = """
import sys, threading, time
from facefusion_cli.cli.signals import leave_behind
from facefusion_cli.core.batch import run as batch
from facefusion_cli.core.media.video.process import FfmpegRun

def work():
    with FfmpegRun([]) as run:
        run.finish()
        time.sleep(600)

thread = threading.Thread(target=work, daemon=True)
thread.start()
batch._left.append(thread)
sys.stdin.read()
leave_behind(7)
"""


def test_leaving_with_threads_at_work(sleeper: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", LEAVING], stdin=subprocess.PIPE) as program:
        wait_until(sleeper.exists, "the child")
        assert not gone(sleeper)
        assert program.stdin is not None
        program.stdin.close()
        assert program.wait(60) == 7
    wait_until(lambda: gone(sleeper), "its end")


KILLED = """
import sys, time
from facefusion_cli.core.media.video.process import FfmpegRun

reading = sys.argv[1] == "reading"
picture = ["-f", "rawvideo", "-pix_fmt", "gray", "-s", "64x64"]
source = ["-re", "-f", "lavfi", "-i", "testsrc2=s=64x64"] if reading else [*picture, "-i", "pipe:0"]
sink = [*picture, "pipe:1"] if reading else ["-f", "null", "-"]
with FfmpegRun([*source, *sink], feed=not reading, read=reading) as run:
    if reading:
        run.stdout.read(4096)
    else:
        run.stdin.write(bytes(4096))
        run.stdin.flush()
    print(run._process.pid, flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("way", ["reading", "feeding"])
def test_f12_after_the_program_is_killed_its_ffmpeg_ends_by_itself(tmp_path: Path, way: str) -> None:
    with subprocess.Popen([sys.executable, "-c", KILLED, way], stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        pid = tmp_path / "pid"
        pid.write_bytes(program.stdout.readline())
        assert not gone(pid)
        program.kill()
    wait_until(lambda: gone(pid), "its end")
