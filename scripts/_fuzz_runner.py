"""Feeds cases to a child, and sees what it does, also when it can say nothing any more."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["SECONDS", "Outcome", "Runner"]

SECONDS = 60
"""That a case may take: what hangs never ends, and machines that test are slow."""
_LEAVING_SECONDS = 10
_CASES = 20_000
"""A child is fed; what it may have gathered by then goes with it."""
_CHILD = Path(__file__).with_name("_fuzz_child.py")
_PIXELS = "4000000"
"""So that a size is refused by what a header says of it, and not by the memory that there happens to be."""


@dataclass(frozen=True)
class Outcome:
    """What came of a case."""

    kind: Literal["result", "refused", "failed"]
    words: str = ""
    where: str = ""
    """Of a failure: the same for those that are the same."""
    memory: int = 0


class Runner:
    """A child, started when it is needed, and again when a case has ended it; a context manager.

    ``folder`` is where cases are written and the command finds its ``files``.
    """

    def __init__(self, folder: Path, seconds: float = SECONDS, child: Path = _CHILD) -> None:
        self.folder = folder
        self._script = child
        self._seconds = seconds
        self._child: subprocess.Popen[str] | None = None
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._said: Any = None
        self._cases = 0

    def __enter__(self) -> Runner:
        self.folder.mkdir(exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def run(self, entry: str, content: bytes, suffix: str) -> Outcome:
        """Feed one case."""
        path = self.folder / f"case{suffix}"
        path.write_bytes(content)
        if self._cases >= _CASES:
            self._end()
        if self._child is None:
            self._start()
        self._cases += 1
        assert self._child is not None
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(json.dumps({"entry": entry, "path": str(path)}) + "\n")
            self._child.stdin.flush()
            answer = self._answers.get(timeout=self._seconds)
        except queue.Empty:
            words = self._end()
            return Outcome("failed", f"it took longer than {self._seconds:g} seconds\n{words}", "time")
        except BrokenPipeError:
            answer = ""
        if not answer:
            code = self._child.wait()
            words = self._end()
            name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            return Outcome("failed", f"the process ended: {name}\n{words}", name)
        found = json.loads(answer)
        return Outcome(found["outcome"], found["words"], found["where"], found["memory"])

    def _start(self) -> None:
        home = str(self.folder / "home")
        keep = {name: value for name, value in os.environ.items() if not name.startswith("FACEFUSION_")}
        own = {"FACEFUSION_HOME": home, "FACEFUSION_MAX_PIXELS": _PIXELS, "NO_COLOR": "1", "OMP_NUM_THREADS": "2"}
        self._said = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115  (closed with the child)
        self._child = subprocess.Popen(
            [sys.executable, str(self._script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
            env=keep | own,
        )
        self._answers, self._cases = queue.SimpleQueue(), 0
        threading.Thread(target=_pass_on, args=(self._child, self._answers), daemon=True).start()

    def _end(self) -> str:
        """End the child; the last that it said."""
        child, self._child = self._child, None
        if child is None:
            return ""
        assert child.stdin is not None
        assert child.stdout is not None
        child.terminate()
        try:
            child.wait(_LEAVING_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        with contextlib.suppress(BrokenPipeError):
            child.stdin.close()
        self._said.seek(0)
        words = "".join(self._said.readlines()[-40:])
        self._said.close()
        return words


def _pass_on(child: subprocess.Popen[str], answers: queue.SimpleQueue[str]) -> None:
    assert child.stdout is not None
    with child.stdout:
        for line in child.stdout:
            answers.put(line)
    answers.put("")
