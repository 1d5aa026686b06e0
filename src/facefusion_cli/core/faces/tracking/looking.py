"""The first pass: what every frame shows, kept in files, a stretch each."""

from __future__ import annotations

import threading
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from facefusion_cli.core.batch.run import Cancel, run_batch
from facefusion_cli.core.content.sampling import Sampling
from facefusion_cli.core.faces.mesh import FaceMesh
from facefusion_cli.core.faces.tracking.observations import save
from facefusion_cli.core.faces.tracking.observer import observe
from facefusion_cli.core.media.segments import SEGMENT_SECONDS, plan_segments
from facefusion_cli.core.media.video.layout import Bgr
from facefusion_cli.core.media.video.reader import FrameReader
from facefusion_cli.core.processor import processor
from facefusion_cli.errors import FaceFusionError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from facefusion_cli.core.faces.recognition import Recogniser
    from facefusion_cli.core.faces.tracking.observations import Seen
    from facefusion_cli.core.faces.tracking.observer import FaceFinder
    from facefusion_cli.core.media.segments import Segment, Work
    from facefusion_cli.core.media.video.probe import Video
    from facefusion_cli.core.media.video.watcher import VideoWatcher

    Frame = NDArray[np.uint8]

__all__ = ["Looked", "look", "plan_stretches"]

_SUFFIX = ".seen"
_SHORTEST = 4
"""Seconds of a stretch below which it is not worth while to begin another."""
_MOST_AT_A_TIME = 4
"""Stretches; each holds the frames of 0.5 s in memory."""

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


def plan_stretches(start: int, stop: int, fps: Fraction) -> tuple[Segment, ...]:
    """Cut frames ``start`` to ``stop`` into stretches to be looked at apart: at least two where there is enough."""
    half = -(-(stop - start) // 2) / fps
    return plan_segments(start, stop, fps, min(Fraction(SEGMENT_SECONDS), max(Fraction(_SHORTEST), half)))


def look(
    video: Video,
    segments: Sequence[Segment],
    work: Work,
    finder: FaceFinder,
    recogniser: Recogniser | None,
    watcher: VideoWatcher,
    called: str | None = None,
) -> Looked:
    """Observe what has not been observed by an earlier run; with a ``recogniser`` also whose faces they are.

    Several segments at a time, as each is followed frame by frame on one processor. ``called`` is what to say for the
    video in messages, where its path says nothing.

    Raises:
        ContentRefusedError: it is pornographic.
        InputError: the video cannot be decoded.
        OutputError: the observations cannot be written.
    """
    called = called or f'"{video.path}"'
    names = {segment: f"faces-{segment.index:05d}{_SUFFIX}" for segment in segments}
    unseen = [segment for segment in segments if work.piece(names[segment]) is None]
    before = [work.facts(name) for name in names.values() if work.piece(name) is not None]
    done = sum(facts["frames"] for facts in before)
    sampling = Sampling(video, segments, called, [frame for facts in before for frame in facts["explicit"]])
    watcher.stage("looking", done, segments[-1].stop - segments[0].start)
    mesh, size, telling = FaceMesh(), _view(video), threading.Lock()

    def tell(seen: Seen) -> None:
        with telling:
            watcher.progress(1, len(seen.faces))

    def observed(segment: Segment, cancel: Cancel) -> _Observed:
        explicit: list[int] = []
        with FrameReader(video, segment.start, segment.stop, layout=Bgr(video, size, quick=True)) as reader:
            frames = sampling.passing(_unless(cancel, reader), segment.start, explicit)
            seen = observe(frames, finder, mesh, video.fps, recogniser)
            count = save(_told(seen, video, size, tell), temporary[segment])
        return _Observed(count, reader.missing, explicit)

    def deliver(segment: Segment, result: _Observed | FaceFusionError) -> None:
        if isinstance(result, FaceFusionError):
            raise result
        work.finish(names[segment], result._asdict())

    temporary = {segment: work.temporary(names[segment]) for segment in unseen}
    run_batch(unseen, observed, deliver, jobs=_at_a_time(), explain=_raised)
    looked = Looked()
    for name in names.values():
        piece, facts = work.piece(name), work.facts(name)
        assert piece is not None
        looked.files.append(piece)
        looked.counts.append(facts["frames"])
        looked.missing += facts["missing"]
    if not any(looked.counts):
        raise InputError(f"no frame of {called} can be decoded.", hint="The file is damaged.")
    return looked


class _Observed(NamedTuple):
    """What the journal keeps of a segment."""

    frames: int
    missing: int
    explicit: list[int]
    """Samples that are pornographic: fewer than refuse the video."""


def _at_a_time() -> int:
    return min(_MOST_AT_A_TIME, processor().cores)


def _raised(error: Exception) -> NoReturn:
    raise error


def _unless(cancel: Cancel, frames: Iterable[Frame]) -> Iterator[Frame]:
    for frame in frames:
        cancel.check()
        yield frame


def _view(video: Video) -> tuple[int, int] | None:
    """The size to look at, None for the video's own."""
    scale = max(video.width, video.height) / _VIEW
    return None if scale <= 1 else (max(1, round(video.width / scale)), max(1, round(video.height / scale)))


def _told(
    frames: Iterable[Seen], video: Video, size: tuple[int, int] | None, tell: Callable[[Seen], None]
) -> Iterator[Seen]:
    """What was seen, in pixels of the video."""
    for seen in frames:
        yield seen if size is None else seen.scaled(video.width / size[0], video.height / size[1])
        tell(seen)
