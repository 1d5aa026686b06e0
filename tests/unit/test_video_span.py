"""Which frames ``--start``, ``--duration`` and ``--preview`` mean, and what is said about them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from facefusion_cli.core.media.video.options import VideoOptions
from facefusion_cli.core.media.video.probe import ColourTags, Video
from facefusion_cli.core.media.video.projection import Projection
from facefusion_cli.core.media.video.span import wanted_frames
from facefusion_cli.core.media.video.words import clock, incomplete, plan_sentence, projection_sentence
from facefusion_cli.errors import UsageError


def video(frames: int, fps: Fraction) -> Video:
    return Video(
        path=Path("talk.mp4"), container="mp4", stream=0, codec="h264", width=1280, height=720, sar=Fraction(1),
        fps=fps, variable=False, frames=frames, promised=frames, start=Fraction(0), pixel_format="yuv420p", bits=8,
        colour=ColourTags("", "", "", ""), hdr=False, interlaced=False, audio=(), subtitles=(), chapters=0, notes=(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("start", "duration", "preview", "expected"),
    [
        (None, None, None, (0, 250)),
        ("2", None, None, (50, 250)),
        ("2.01", None, None, (51, 250)),
        (None, "2", None, (0, 50)),
        ("2", "2", None, (50, 100)),
        ("9.9", "5", None, (248, 250)),
        (None, None, "2", (100, 150)),
        ("8", None, "1", (212, 237)),
        (None, None, "60", (0, 250)),
        (None, None, "0.001", (124, 125)),
    ],
)
def test_which_frames(start: str | None, duration: str | None, preview: str | None, expected: tuple[int, int]) -> None:
    times = [None if text is None else Fraction(text) for text in (start, duration, preview)]
    options = VideoOptions(start=times[0], duration=times[1], preview=times[2])
    assert wanted_frames(video(250, Fraction(25)), options) == expected


def test_a_rate_that_is_no_whole_number_is_exact() -> None:
    long = video(30000, Fraction(30000, 1001))
    options = VideoOptions(start=Fraction(1001, 10), duration=Fraction(1001, 10))
    assert wanted_frames(long, options) == (3000, 6000)


def test_what_holds_no_frame() -> None:
    with pytest.raises(UsageError, match=r"10\.00 seconds long"):
        wanted_frames(video(250, Fraction(25)), VideoOptions(start=Fraction(10)))
    with pytest.raises(UsageError, match="shorter than a frame"):
        wanted_frames(video(250, Fraction(25)), VideoOptions(start=Fraction(1, 20), duration=Fraction(1, 100)))


def test_words() -> None:
    assert [clock(Fraction(seconds)) for seconds in (0, 59.94, 61, 3599.6, 86400)] == [
        "0.0 s", "59.9 s", "1:01", "1:00:00", "24:00:00",
    ]  # fmt: skip
    long = video(30000, Fraction(30000, 1001))
    assert plan_sentence(long, 0, 30000, 17) == (
        "talk.mp4: 16:41, 30000 frames of 1280 x 720 at 29.97 a second, in 17 pieces"
    )
    assert "10.0 s of 16:41, 300 frames" in plan_sentence(long, 600, 900, 1)
    projected = projection_sentence(Projection(1001.0, 3000.0, 200_000_000))
    assert projected == "the whole of 16:41 would take about 50:00 and 200.0 MB"
    error = incomplete(Path("a.mp4"), 29, 50, "So it is.")
    assert (error.message, error.hint) == (
        '"a.mp4" is damaged: only 29 of 50 frames can be decoded.',
        "So it is.",
    )


@pytest.mark.parametrize("times", [{"duration": Fraction(0)}, {"preview": Fraction(0)}, {"start": Fraction(-1)}])
def test_times_that_cannot_be(times: dict[str, Fraction]) -> None:
    with pytest.raises(UsageError, match="cannot"):
        VideoOptions(**times)  # type: ignore[arg-type]
