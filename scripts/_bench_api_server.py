"""A real ``facefusion serve`` to put under load: started, awaited, watched, ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Server", "free_port", "serving"]

_START_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Server:
    """A service that is ready."""

    url: str
    process: int

    def memory(self) -> float:
        """MiB in memory of its process and all below it (only on Linux, elsewhere 0)."""
        return sum(_resident(process) for process in _family(self.process))


@contextmanager
def serving(*arguments: str) -> Iterator[Server]:
    """Run the command with a home of its own, without weights: the embedded engines serve."""
    with tempfile.TemporaryDirectory() as home, (Path(home) / "log").open("w+", encoding="utf-8") as log:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "facefusion_cli", "serve", "--port", str(port), *arguments]
        environment = {**os.environ, "FACEFUSION_HOME": home}
        running = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        try:
            deadline = time.monotonic() + _START_SECONDS
            while not _ready(url):
                if running.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    raise SystemExit(f"error: facefusion serve did not become ready:\n{log.read()[-2000:]}")
                time.sleep(0.1)
            yield Server(url, running.pid)
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait()


def _ready(url: str) -> bool:
    import httpx2

    try:
        return bool(httpx2.get(f"{url}/ready", trust_env=False).status_code == 200)
    except httpx2.TransportError:  # not listening yet
        return False


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _family(process: int) -> list[int]:
    """Numbers of a process and of all below it."""
    children: list[int] = []
    for path in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            children += map(int, path.read_text(encoding="utf-8").split())
        except OSError:  # gone meanwhile
            continue
    return [process, *(each for child in children for each in _family(child))]


def _resident(process: int) -> float:
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text(encoding="utf-8").split()[1])
    except OSError:  # gone meanwhile, or not Linux
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
