from __future__ import annotations

import itertools

import numpy as np
import pytest

from facefusion_cli.core.media.audio.placing import BLOCK, Placer


def placed(pieces: list[tuple[int | None, int]], end: int | None = None) -> list[tuple[float, int]]:
    """What is heard when pieces of 1, 2, 3 ... (stamp, length) are placed, as (value, samples)."""
    placer, blocks = Placer(end), []
    for number, (stamp, length) in enumerate(pieces, 1):
        blocks += list(placer.place(np.full(length, number, np.float32), stamp))
    assert all(block.size == BLOCK for block in blocks)
    heard = np.concatenate([*blocks, placer.rest()])
    assert heard.size == placer.position
    borders = [0, *(np.flatnonzero(np.diff(heard)) + 1), heard.size]
    return [(float(heard[first]), int(last - first)) for first, last in itertools.pairwise(borders)]


def test_pieces_follow_each_other() -> None:
    assert placed([(0, 10_000), (10_000, 10_000), (None, 20_000)]) == [(1, 10_000), (2, 10_000), (3, 20_000)]


def test_sound_that_begins_late_comes_after_silence() -> None:
    assert placed([(1, 5)]) == [(0, 1), (1, 5)]
    assert placed([(3 * BLOCK + 7, 5)]) == [(0, 3 * BLOCK + 7), (1, 5)]


def test_what_comes_before_the_beginning_is_not_heard() -> None:
    assert placed([(-300, 200), (-100, 150)]) == [(2, 50)]


def test_gaps_are_silent_and_what_overlaps_is_heard_once() -> None:
    assert placed([(0, 1000), (3000, 1000)]) == [(1, 1000), (0, 2000), (2, 1000)]
    assert placed([(0, 3000), (1000, 4000)]) == [(1, 3000), (2, 2000)]


@pytest.mark.parametrize("off", [-800, -1, 1, 800])
def test_stamps_that_are_only_rounded_change_nothing(off: int) -> None:
    assert placed([(0, 2000), (2000 + off, 1000)]) == [(1, 2000), (2, 1000)]


def test_what_is_off_a_little_each_time_is_put_right_in_the_end() -> None:
    pieces: list[tuple[int | None, int]] = [(1010 * number, 1000) for number in range(200)]
    assert sum(length for _, length in placed(pieces)) == pytest.approx(1010 * 200, abs=810)


def test_a_stamp_from_beyond_the_end_is_wrong_and_so_are_those_after_it() -> None:
    far = 90_000 * BLOCK
    assert placed([(0, 1000), (far, 1000), (far + 1000, 500)], 5000) == [(1, 1000), (2, 1000), (3, 500)]
    assert placed([(far, 1000)], 5000) == [(1, 1000)]
    assert placed([(0, 1000), (4000, 1000)], 5000) == [(1, 1000), (0, 3000), (2, 1000)]


def test_a_clock_that_begins_anew_goes_on_where_the_other_one_ended() -> None:
    pieces: list[tuple[int | None, int]] = [(0, 9000), (9000, 9000), (30, 9000), (9030, 500), (12_530, 100)]
    assert placed(pieces) == [(1, 9000), (2, 9000), (3, 9000), (4, 500), (0, 3000), (5, 100)]


def test_the_end_may_be_passed_step_by_step() -> None:
    assert placed([(0, 4000), (4000, 4000), (8000, 1000)], 5000) == [(1, 4000), (2, 4000), (3, 1000)]
