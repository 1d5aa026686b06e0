"""Which frame of a video is seen when."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facefusion_cli.core.lipsync.timeline import Run, Timeline, plan_timeline

if TYPE_CHECKING:
    from facefusion_cli.core.lipsync.options import Extend, Fit

RATES = [Fraction(24000, 1001), Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(30), Fraction(50)]


def frames_of(timeline: Timeline, start: int, stop: int) -> list[int]:
    return [run.first + run.step * place for run in timeline.runs(start, stop) for place in range(run.length)]


@pytest.mark.parametrize(
    ("extend", "pictures", "seen"),
    [
        ("pingpong", 4, [0, 1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1]),
        ("pingpong", 2, [0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1]),
        ("pingpong", 1, [0] * 12),
        ("loop", 4, [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3]),
        ("loop", 1, [0] * 12),
        ("freeze", 4, [0, 1, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3]),
        ("pingpong", 20, list(range(12))),
    ],
)
def test_more_sound_than_pictures(extend: Extend, pictures: int, seen: list[int]) -> None:
    timeline = Timeline(Fraction(25), 12, pictures, extend)
    assert frames_of(timeline, 0, 12) == seen


@given(
    pictures=st.integers(1, 40),
    frames=st.integers(1, 200),
    extend=st.sampled_from(["pingpong", "loop", "freeze"]),
    cuts=st.lists(st.integers(0, 200), max_size=5),
)
def test_a_part_is_the_same_wherever_it_begins(pictures: int, frames: int, extend: Extend, cuts: list[int]) -> None:
    timeline = Timeline(Fraction(30), frames, pictures, extend)
    whole = frames_of(timeline, 0, frames)
    assert len(whole) == frames
    assert set(whole) <= set(range(pictures))
    borders = sorted({0, frames, *(min(cut, frames) for cut in cuts)})
    for start, stop in pairwise(borders):
        part = frames_of(timeline, start, stop)
        assert part == whole[start:stop]
        low, high = timeline.needed(start, stop)
        assert (low, high) == (min(part), max(part) + 1)
    if extend != "freeze" and pictures > 2:  # nothing stands still
        assert all(one != other for one, other in pairwise(whole))


@pytest.mark.parametrize(
    ("run", "low", "stop"), [(Run(3, 4, 1), 3, 7), (Run(3, 4, -1), 0, 4), (Run(3, 4, 0), 3, 4), (Run(0, 1, -1), 0, 1)]
)
def test_what_a_run_covers(run: Run, low: int, stop: int) -> None:
    assert (run.low, run.stop) == (low, stop)


@pytest.mark.parametrize(
    ("fit", "pictures", "frames"),
    [
        ("audio", 100, 50),
        ("audio", 20, 50),
        ("video", 100, 100),
        ("video", 20, 20),
        ("longest", 100, 100),
        ("longest", 20, 50),
        ("shortest", 100, 50),
        ("shortest", 20, 20),
    ],
)
def test_whose_length_it_has(fit: Fit, pictures: int, frames: int) -> None:
    assert plan_timeline(Fraction(25), pictures, Fraction(2), fit, "loop").frames == frames


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("seconds", [Fraction(1, 100), Fraction(60), Fraction(6004, 100), Fraction(36_000)])
def test_as_long_as_the_sound_to_the_frame(fps: Fraction, seconds: Fraction) -> None:
    timeline = plan_timeline(fps, 10, seconds, "audio", "pingpong")
    assert timeline.frames == max(1, round(seconds * fps))
    assert abs(timeline.frames / fps - seconds) <= max(1 / (2 * fps), 1 / fps - seconds)
