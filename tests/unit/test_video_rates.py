from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facefusion_cli.core.media.video.rates import fit_grid, usual_rate

MILLISECOND = Fraction(1, 1000)
USUAL = [Fraction(24000, 1001), Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(30), Fraction(60000, 1001)]


def in_ticks(fps: Fraction, count: int, tick: Fraction) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array([round(number / fps / tick) for number in range(count)], np.int64)


@pytest.mark.parametrize("fps", [*USUAL, Fraction(1, 2), Fraction(25, 2), Fraction(1000), Fraction(144)])
def test_rate_is_exact_though_stamps_are_milliseconds(fps: Fraction) -> None:
    grid = fit_grid(in_ticks(fps, 1500, MILLISECOND), MILLISECOND, 0, [usual_rate(Fraction(round(float(fps), 2)))])
    assert (grid.fps, grid.frames, grid.variable, grid.source) == (fps, 1500, False, None)


@pytest.mark.parametrize("fps", USUAL)
def test_rate_is_found_without_a_hint_in_a_longer_clip(fps: Fraction) -> None:
    assert fit_grid(in_ticks(fps, 3000, MILLISECOND), MILLISECOND, 0, []).fps == fps


@pytest.mark.parametrize("tick", [Fraction(1, 16000), Fraction(1, 90000), Fraction(1, 12800)])
@pytest.mark.parametrize("fps", USUAL)
@pytest.mark.parametrize(("count", "hinted"), [(30, True), (100, False), (600, False)])
def test_rate_is_exact_though_stamps_were_milliseconds_once(
    fps: Fraction, tick: Fraction, count: int, hinted: bool
) -> None:
    rounded = in_ticks(fps, count, MILLISECOND)
    stamps = np.array([round(int(stamp) * MILLISECOND / tick) for stamp in rounded], np.int64)
    average = count / (int(stamps[-1]) * tick + 1 / fps)
    grid = fit_grid(stamps, tick, 0, [fps, average] if hinted else [])
    assert (grid.fps, grid.frames, grid.variable, grid.source) == (fps, count, False, None)


def test_rate_in_nanoseconds_is_the_usual_one() -> None:
    stamps = in_ticks(Fraction(60000, 1001), 30, MILLISECOND)
    assert fit_grid(stamps, MILLISECOND, 0, [Fraction(19001, 317)]).fps == Fraction(60000, 1001)


@pytest.mark.parametrize(("tick", "wander"), [(Fraction(1, 90000), 0.0004), (Fraction(1, 16000), 0.0009)])
def test_frames_that_wander_by_less_than_a_millisecond_each_are_irregular(tick: Fraction, wander: float) -> None:
    steps = 1 / 30 + np.random.default_rng(0).uniform(-wander, wander, 600)
    stamps = np.unique(np.round(np.cumsum(steps) / float(tick)).astype(np.int64))
    assert fit_grid(stamps, tick, 0, [Fraction(30)]).variable


@given(st.integers(1, 60000), st.integers(1, 1001), st.integers(2, 50))
def test_any_rate_that_ticks_hold_is_exact(numerator: int, denominator: int, count: int) -> None:
    fps = Fraction(numerator, denominator)
    tick = 1 / (fps * 512)
    grid = fit_grid(in_ticks(fps, count, tick), tick, 512, [])
    assert (grid.fps, grid.frames, grid.source) == (fps, count, None)


def test_a_few_frames_that_are_left_out_or_late_do_not_make_it_variable() -> None:
    stamps = in_ticks(Fraction(25), 500, MILLISECOND)
    stamps[100] += 7
    stamps = np.delete(stamps, [50, 51, 300])
    grid = fit_grid(stamps, MILLISECOND, 40, [])
    assert (grid.fps, grid.frames, grid.variable) == (Fraction(25), 500, False)
    assert grid.source is not None
    assert list(grid.source[48:54]) == [48, 49, 49, 49, 50, 51]


def test_irregular_frames_get_their_average_and_keep_the_duration() -> None:
    stamps = np.array([0, 40, 80, 200, 240, 500, 540, 1000, 1200, 1210], np.int64)
    grid = fit_grid(stamps, MILLISECOND, 40, [Fraction(25)])
    assert grid.variable
    assert grid.frames == 10
    assert grid.frames / grid.fps == Fraction(5, 4)
    assert grid.source is not None
    assert (np.diff(grid.source) >= 0).all()
    # No place shows a frame that is due half a place later.
    times = stamps[grid.source] / 1000
    assert (times <= (np.arange(10) + 0.5) / float(grid.fps)).all()


def test_one_frame_has_the_rate_that_the_file_names() -> None:
    assert fit_grid(np.array([7], np.int64), MILLISECOND, 0, [Fraction(50)]).fps == 50
    assert fit_grid(np.array([7], np.int64), MILLISECOND, 0, []).frames == 1


@pytest.mark.parametrize(("rounded", "exact"), [("23.98", "24000/1001"), ("29.97", "30000/1001"), ("24", "24")])
def test_rounded_rates_are_put_right(rounded: str, exact: str) -> None:
    assert usual_rate(Fraction(rounded)) == Fraction(exact)


def test_unusual_rates_stay() -> None:
    assert usual_rate(Fraction("17.3")) == Fraction("17.3")


def test_pictures_that_are_hours_apart() -> None:
    grid = fit_grid(np.array([0, 1, 10_000, 300_000], np.int64), Fraction(1), 0, [])
    assert grid.variable
    assert grid.fps > 0
    assert fit_grid(np.array([0, 1, 10**9], np.int64), Fraction(1), 0, []).fps > 0


@pytest.mark.parametrize(
    ("leap", "said"), [(10**12, r"would have 25000000001 frames"), (2**62, r"would last 4\.61e\+15 seconds")]
)
def test_a_damaged_time_does_not_make_billions_of_frames(leap: int, said: str) -> None:
    stamps = np.array([*range(0, 120_000, 40), leap], np.int64)
    with pytest.raises(ValueError, match=said):
        fit_grid(stamps, MILLISECOND, 40, [Fraction(25)])
