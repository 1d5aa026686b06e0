"""Ctrl-C in the middle of many files: the exit code, and only whole files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows has no such signals")

# The first task of each run ends at once; the others have half a file when they are stopped.
CODE = """
import atexit, os, sys, time
from pathlib import Path
from facefusion_cli.cli import app, main
from facefusion_cli.core.batch.run import run_batch
from facefusion_cli.core.media.outputs import AtomicOutput, plan_outputs

jobs, kind = int(sys.argv[1]), sys.argv[2]
atexit.register(print, "orderly end", flush=True)

def wait(until):
    # In short sleeps: Python may miss a signal that comes in the moment before a long one.
    end = time.monotonic() + 60
    while not until() and time.monotonic() < end:
        time.sleep(0.02)

def do(output, cancel):
    with AtomicOutput(output) as file:
        file.temporary.write_bytes(b"half")
        if output.target.name != "0.jpg":
            os.write(2, b"ready\\n")  # in one piece, whichever thread says it
            if kind == "heedful":
                wait(cancel.is_set)
                cancel.check()
            wait(lambda: False)
        file.temporary.write_bytes(b"whole")
        file.commit()

def run(argv, received):
    outputs = plan_outputs([Path(f"{number}.jpg") for number in range(20)], "out")
    try:
        with received.heeded():
            run_batch(outputs, do, lambda task, result: None, jobs=jobs, explain=lambda error: None)
    except SystemExit as stop:
        return stop.code

app.run = run
sys.exit(main([]))
"""


@pytest.mark.parametrize(("signum", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("jobs", [1, 3])
@pytest.mark.parametrize("kind", ["heedful", "stuck"])
def test_a_signal_leaves_only_whole_files(
    tmp_path: Path, signum: signal.Signals, exit_code: int, jobs: int, kind: str
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", CODE, str(jobs), kind],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        assert process.stderr is not None
        for _ in range(jobs):
            assert process.stderr.readline() == "ready\n"
        assert len([*(tmp_path / "out").iterdir()]) == 1 + jobs, "the test must catch it with unfinished files"
        process.send_signal(signum)
        out, err = process.communicate(timeout=20)  # a task would take a minute
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == exit_code
    assert err == ""
    # Threads in a library that computes crash the orderly end.
    assert out == ("" if kind == "stuck" and jobs > 1 else "orderly end\n")
    assert [(path.name, path.read_text()) for path in (tmp_path / "out").iterdir()] == [("0.jpg", "whole")]
