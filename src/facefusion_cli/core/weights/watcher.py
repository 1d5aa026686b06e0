"""How long work on weights tells what it is doing."""

from __future__ import annotations

from typing import Literal, Protocol

__all__ = ["SILENT", "Stage", "Watcher"]

Stage = Literal["waiting", "connecting", "downloading", "copying", "verifying", "converting", "stored"]
"""waiting: another process is at it; connecting: asking a source; copying: from the Hugging Face cache; verifying:
hashing; stored: done."""


class Watcher(Protocol):
    """Told what happens to a weight, named as in the catalog. Called from the thread that works."""

    def stage(self, name: str, stage: Stage) -> None:
        """Something begins."""
        ...

    def progress(self, name: str, done: int, total: int) -> None:
        """So many bytes of the file are there; ``done`` may go back when a download has to start again."""
        ...

    def note(self, sentence: str) -> None:
        """Something the user should know, though it goes on: a source failed, a damaged file was set aside."""
        ...


class _Silent:
    def stage(self, name: str, stage: Stage) -> None:
        pass

    def progress(self, name: str, done: int, total: int) -> None:
        pass

    def note(self, sentence: str) -> None:
        pass


SILENT: Watcher = _Silent()
