"""How a swap tells how far it is."""

from __future__ import annotations

from typing import Literal, Protocol

__all__ = ["SILENT", "Stage", "SwapWatcher"]

Stage = Literal["probing", "looking", "swapping", "joining"]
"""Reading what the video is; finding and following faces; replacing them; putting the pieces together."""


class SwapWatcher(Protocol):
    """Is told what happens to one video; called from the thread that runs the job."""

    def plan(self, sentence: str) -> None:
        """What is going to be done, before it is begun."""
        ...

    def stage(self, stage: Stage, done: int, total: int) -> None:
        """Something begins that has ``total`` frames, ``done`` of which an earlier run has done."""
        ...

    def progress(self, frames: int, faces: int) -> None:
        """So many more frames are done, with so many faces in them."""
        ...

    def note(self, sentence: str) -> None:
        """Something the user should know now."""
        ...

    def check(self) -> None:
        """Raise what ends the work, if it is to end; the other methods do too."""
        ...


class _Silent:
    def plan(self, sentence: str) -> None:
        pass

    def stage(self, stage: Stage, done: int, total: int) -> None:
        pass

    def progress(self, frames: int, faces: int) -> None:
        pass

    def note(self, sentence: str) -> None:
        pass

    def check(self) -> None:
        pass


SILENT: SwapWatcher = _Silent()
