"""Programs that a worker's process leaves running when it is killed."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

__all__ = ["VARIABLE", "end_orphans"]

VARIABLE = "FACEFUSION_WORKER"
"""Of the environment: a mark that a process of ours hands on to whatever it starts."""


def end_orphans(mark: str) -> None:
    """Kill every process whose environment has that mark, once the one that had it first is gone.

    On Linux. Elsewhere ffmpeg ends by itself as soon as it reads from, or writes to, the one that is gone.
    """
    if sys.platform != "linux":
        return
    sign = f"{VARIABLE}={mark}".encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):  # another's, or gone meanwhile
                if sign in (entry / "environ").read_bytes().split(b"\0"):
                    os.kill(int(entry.name), signal.SIGKILL)
