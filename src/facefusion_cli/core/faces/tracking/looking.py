"""The first pass: what every frame shows, kept in files, a stretch each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facefusion_cli.core.faces.mesh import FaceMesh
from facefusion_cli.core.faces.tracking.observations import save
from facefusion_cli.core.faces.tracking.observer import observe
from facefusion_cli.core.media.video.reader import FrameReader
from facefusion_cli.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from facefusion_cli.core.faces.recognition import Recogniser
    from facefusion_cli.core.faces.tracking.observations import Seen
    from facefusion_cli.core.faces.tracking.observer import FaceFinder
    from facefusion_cli.core.media.segments import Segment, Work
    from facefusion_cli.core.media.video.probe import Video
    from facefusion_cli.core.media.video.watcher import VideoWatcher

__all__ = ["Looked", "look"]

_SUFFIX = ".seen"

_VIEW = 1920
"""Longer side in pixels of what is looked at: the mesh network sees a face in 192."""


class Looked:
    """Files of observations, one a segment."""

    def __init__(self) -> None:
        self.files: list[Path] = []
        self.counts: list[int] = []
        """How many frames each holds."""
        self.missing = 0
        """How many of all frames could not be decoded; neighbours stand in for those in the middle."""


def look(
    video: Video,
    segments: Sequence[Segment],
    work: Work,
    finder: FaceFinder,
    recogniser: Recogniser | None,
    watcher: VideoWatcher,
) -> Looked:
    """Observe what has not been observed by an earlier run; with a ``recogniser`` also whose faces they are.

    Raises:
        InputError: the video cannot be decoded.
        OutputError: the observations cannot be written.
    """
    looked = Looked()
    mesh = FaceMesh()
    size = _view(video)
    names = [f"faces-{segment.index:05d}{_SUFFIX}" for segment in segments]
    done = sum(work.facts(name)["frames"] for name in names if work.piece(name) is not None)
    watcher.stage("looking", done, segments[-1].stop - segments[0].start)
    for segment, name in zip(segments, names, strict=True):
        if work.piece(name) is None:
            with FrameReader(video, segment.start, segment.stop, size=size) as reader:
                seen = observe(reader, finder, mesh, video.fps, recogniser)
                frames = save(_told(seen, video, size, watcher), work.temporary(name))
            work.finish(name, {"frames": frames, "missing": reader.missing})
        piece = work.piece(name)
        assert piece is not None
        looked.files.append(piece)
        looked.counts.append(work.facts(name)["frames"])
        looked.missing += work.facts(name)["missing"]
    if not any(looked.counts):
        raise InputError(f'no frame of "{video.path}" can be decoded.', hint="The file is damaged.")
    return looked


def _view(video: Video) -> tuple[int, int] | None:
    """The size to look at, None for the video's own."""
    scale = max(video.width, video.height) / _VIEW
    return None if scale <= 1 else (max(1, round(video.width / scale)), max(1, round(video.height / scale)))


def _told(frames: Iterable[Seen], video: Video, size: tuple[int, int] | None, watcher: VideoWatcher) -> Iterator[Seen]:
    """What was seen, in pixels of the video."""
    for seen in frames:
        yield seen if size is None else seen.scaled(video.width / size[0], video.height / size[1])
        watcher.progress(1, len(seen.faces))
