"""How work on a video tells how far it is."""

from __future__ import annotations

from typing import Literal, Protocol

__all__ = ["SILENT", "Stage", "VideoWatcher"]

Stage = Literal["probing", "listening", "looking", "swapping", "speaking", "joining"]
"""Reading what the video is; hearing the sound; finding and following faces; replacing them, or moving their lips;
putting the pieces together."""


class VideoWatcher(Protocol):
    """Is told what happens to one video, by one call after the other; ``progress`` and ``check`` from any thread."""

    def plan(self, sentence: str) -> None:
        """What is going to be done, before it is begun."""
        ...

    def stage(self, stage: Stage, done: int, total: int) -> None:
        """Something begins that has ``total`` frames (seconds of sound for "listening"), ``done`` of which an earlier
        run has done."""
        ...

    def chunk(self, number: int, count: int) -> None:
        """Of ``count`` closed pieces of video piece ``number``, from 1, begins."""
        ...

    def progress(self, frames: int, faces: int) -> None:
        """So many more frames (seconds) are done, with so many faces in them."""
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

    def chunk(self, number: int, count: int) -> None:
        pass

    def progress(self, frames: int, faces: int) -> None:
        pass

    def note(self, sentence: str) -> None:
        pass

    def check(self) -> None:
        pass


SILENT: VideoWatcher = _Silent()
