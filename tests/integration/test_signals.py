"""Signals during the work: the exit code, and nothing left behind.

The command runs in a process of its own, where a step of the work is made to wait for ever at a known place.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows has no such signals")

WAIT = """
import sys, time

def wait(*arguments, **options):
    try:
        print("ready", file=sys.stderr, flush=True)
        for _ in range(600):  # a signal just before a sleep would only be seen after it
            time.sleep(0.1)
    finally:
        if slow_cleanup:
            print("cleaning", file=sys.stderr, flush=True)
            time.sleep(60)
"""
# While the source is read, before there is any output.
WHILE_READING = """
from facefusion_cli.core.faceswap import job
job.SwapJob.prepare = wait
"""
# The same, inside the start of a compiled module, which turns any exception into one of its own.
WHILE_IMPORTING = (
    WHILE_READING
    + """
def swallow(*arguments):
    try:
        wait()
    except BaseException:
        raise ImportError("initialization failed")
job.SwapJob.prepare = swallow
"""
)
# While the result is written: a temporary file is there already.
WHILE_WRITING = """
from facefusion_cli.core.faceswap import job
job.write_picture = wait
"""
RUN = """
from facefusion_cli.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def start(tmp_path: Path, astronaut: Path, hopper: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start the command in ``tmp_path``, held at a place; returns once it is there."""
    processes = []

    def start(place: str, *, slow_cleanup: bool = False, sigint: signal.Handlers = signal.SIG_DFL) -> object:
        code = f"slow_cleanup = {slow_cleanup}{WAIT}{place}{RUN}"
        process = subprocess.Popen(
            [sys.executable, "-c", code, "faceswap", hopper, astronaut, "-o", "out.png", "--engine", "mesh"],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Tests may be run by something that ignores SIGINT, and children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, sigint),
        )
        processes.append(process)
        assert process.stderr is not None
        assert process.stderr.readline() == "ready\n"
        return process

    yield start  # type: ignore[misc]
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    "place", [WHILE_READING, WHILE_IMPORTING, WHILE_WRITING], ids=["reading", "importing", "writing"]
)
@pytest.mark.parametrize(("signum", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_f09_f10_f11_f14_a_signal_ends_the_command_and_leaves_nothing(
    tmp_path: Path,
    start: Callable[..., subprocess.Popen[str]],
    place: str,
    signum: signal.Signals,
    exit_code: int,
) -> None:
    process = start(place)
    temporary = [path.name for path in tmp_path.iterdir()]
    assert len(temporary) == (place == WHILE_WRITING), "the test must catch it with an unfinished file"
    process.send_signal(signum)
    out, err = process.communicate(timeout=30)
    assert process.returncode == exit_code
    assert out == ""
    assert err in {"", "interrupted.\n"}
    assert list(tmp_path.iterdir()) == []


def test_f01_an_output_that_existed_stays_as_it_was(
    tmp_path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    (tmp_path / "out.png").write_bytes(b"the old one")
    process = start(WHILE_WRITING)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 143
    assert [path.name for path in tmp_path.iterdir()] == ["out.png"]
    assert (tmp_path / "out.png").read_bytes() == b"the old one"


def test_f13_a_second_ctrl_c_ends_at_once(start: Callable[..., subprocess.Popen[str]]) -> None:
    process = start(WHILE_READING, slow_cleanup=True)
    assert process.stderr is not None
    process.send_signal(signal.SIGINT)
    assert process.stderr.readline() == "cleaning\n"
    time.sleep(0.5)  # longer than what counts as one wish
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)  # it would clean for a minute
    assert process.returncode == 130


def test_a_background_job_that_ignores_ctrl_c_keeps_ignoring_it(start: Callable[..., subprocess.Popen[str]]) -> None:
    process = start(WHILE_READING, sigint=signal.SIG_IGN)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 143


def test_f12_the_left_over_of_a_killed_run_goes_with_the_next(
    tmp_path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    process = start(WHILE_WRITING)
    process.kill()
    process.communicate(timeout=30)
    (left_over,) = tmp_path.iterdir()
    process = start(WHILE_WRITING)
    assert not left_over.exists()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert list(tmp_path.iterdir()) == []
