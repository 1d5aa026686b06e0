"""Programs that a worker's process leaves running when it is killed."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

__all__ = ["VARIABLE", "end_orphans"]

VARIABLE = "FACEFUSION_WORKER"
"""Of the environment: a mark that a process of ours hands on to whatever it starts."""
_PATIENCE = 5.0
"""Seconds; a disk that does not answer keeps what was killed for longer."""


def end_orphans(mark: str) -> None:
    """Kill every process whose environment has that mark, once the one that had it first is gone, and wait for its end.

    On Linux. Elsewhere ffmpeg ends by itself as soon as it reads from, or writes to, the one that is gone.
    """
    if sys.platform != "linux":
        return
    sign, killed = f"{VARIABLE}={mark}".encode(), []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):  # another's, or gone meanwhile
                if sign in (entry / "environ").read_bytes().split(b"\0"):
                    os.kill(int(entry.name), signal.SIGKILL)
                    killed.append(entry)
    until = time.monotonic() + _PATIENCE
    while any(map(_alive, killed)) and time.monotonic() < until:
        time.sleep(0.01)


def _alive(process: Path) -> bool:
    """Whether it may still write to a file: what was killed ends what it is just doing for it."""
    try:
        state = (process / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in {"Z", "X"}
