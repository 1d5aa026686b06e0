from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from facefusion_cli.core.lipsync.mel import Mel, MelMaker, MelWriter, window_start
from facefusion_cli.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

GOLDEN = np.load(Path(__file__).parents[1] / "data" / "wav2lip_mel.npz")


def made(samples: NDArray[np.float32], sizes: Sequence[int] = (16_000,)) -> NDArray[np.float32]:
    """All columns of samples that come in pieces of these sizes, over and over."""
    maker, columns, at, number = MelMaker(), [], 0, 0
    while at < samples.size:
        size = sizes[number % len(sizes)]
        columns += list(maker.add(samples[at : at + size]))
        at, number = at + size, number + 1
    return np.concatenate([*columns, maker.finish()])


def noise(samples: int) -> NDArray[np.float32]:
    return np.random.default_rng(5).normal(0, 0.1, samples).astype(np.float32)


@pytest.fixture(scope="module")
def long() -> NDArray[np.float32]:
    return noise(20 * 16_000 + 123)


@pytest.fixture(scope="module")
def columns(long: NDArray[np.float32]) -> NDArray[np.float32]:
    return made(long)


def write(path: Path, samples: NDArray[np.float32]) -> Path:
    with MelWriter(path) as writer:
        writer.add(samples)
        writer.finish()
    return path


def test_it_is_the_mel_of_the_reference_but_for_the_padding() -> None:
    """The reference pads with zeros there, the network was trained on mirrored ends."""
    mel = made(GOLDEN["wav"])
    assert mel.dtype == np.float32
    difference = np.abs(mel.T - GOLDEN["mel"])
    assert difference[:, 2:188].max() < 1e-4
    assert difference[:, [0, 189]].max() > 1e-2


def test_both_ends_are_mirrored() -> None:
    """Of the emphasised samples, without the first and the last one themselves."""
    samples = noise(4000)
    emphasised = samples.astype(np.float64)
    emphasised[1:] -= 0.97 * samples[:-1].astype(np.float64)
    padded = np.pad(emphasised, 400, mode="reflect")
    mel = made(samples)
    # The column in the middle of a longer track that has the same 800 emphasised samples around it.
    for column in (0, 1, 19, 20):
        span = padded[200 * column : 200 * column + 800]
        raw = np.zeros(800)
        for place in range(800):
            raw[place] = span[place] + (0.97 * raw[place - 1] if place else 0)
        alone = made(np.concatenate([np.zeros(1600), raw, np.zeros(1600)]).astype(np.float32))
        np.testing.assert_allclose(mel[column], alone[10], atol=1e-3)


@pytest.mark.parametrize("sizes", [(1600, 7), (1, 399, 801), (10**9,), (96_000,), (95_999, 2)])
def test_columns_do_not_depend_on_how_samples_arrive(
    long: NDArray[np.float32], columns: NDArray[np.float32], sizes: tuple[int, ...]
) -> None:
    assert np.array_equal(made(long, sizes), columns)


def test_columns_do_not_depend_on_what_comes_after_them(
    long: NDArray[np.float32], columns: NDArray[np.float32]
) -> None:
    for samples in (96_000, 96_199, 96_200, 96_400, 100_000):
        cut = made(long[:samples])
        assert len(cut) == 1 + samples // 200
        known = (samples - 400) // 200 + 1
        assert np.array_equal(cut[:known], columns[:known])


@pytest.mark.parametrize("samples", [1, 2, 199, 200, 320, 400, 401, 402, 2999])
def test_however_little_there_is_has_columns(samples: int) -> None:
    mel = made(noise(samples))
    assert mel.shape == (1 + samples // 200, 80)
    assert np.isfinite(mel).all()
    assert mel.max() > -4


def test_silence_is_the_lowest_value_exactly() -> None:
    assert np.array_equal(made(np.zeros(5000, np.float32)), np.full((26, 80), -4, np.float32))


def test_the_loudest_is_the_highest_value() -> None:
    assert made(np.float32(1e6) * noise(4000)).max() == 4


def test_a_file_gives_windows_padded_with_silence(tmp_path: Path) -> None:
    samples = noise(16_000)
    columns = made(samples)
    with Mel(write(tmp_path / "a.mel", samples)) as mel:
        assert (mel.columns, mel.samples) == (81, 16_000)
        window = mel.window(30)
        assert window.shape == (80, 16)
        assert window.dtype == np.float32
        assert np.array_equal(window, columns[30:46].T)
        late, early = mel.window(70), mel.window(-6)
        assert np.array_equal(late[:, :11], columns[70:].T)
        assert np.array_equal(late[:, 11:], np.full((80, 5), -4))
        assert np.array_equal(early[:, 6:], columns[:10].T)
        assert np.array_equal(early[:, :6], np.full((80, 6), -4))
        for outside in (-16, 81, 10**12):
            assert np.array_equal(mel.window(outside), np.full((80, 16), -4))


def test_a_file_gives_its_columns_in_blocks(tmp_path: Path) -> None:
    samples = noise(200 * 5000)
    with Mel(write(tmp_path / "a.mel", samples)) as mel:
        blocks = list(mel.blocks())
    assert [len(block) for block in blocks] == [4800, 201]
    assert np.array_equal(np.concatenate(blocks), made(samples))


def test_a_file_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mel", noise(3000))
    whole = path.read_bytes()
    for content in (b"", whole[:10], whole[:-1], b"x" + whole[1:]):
        path.write_bytes(content)
        with pytest.raises(OutputError, match="cannot be read again"):
            Mel(path)
    with MelWriter(path) as writer:
        writer.add(noise(200_000))
    with pytest.raises(OutputError, match="cannot be read again"):
        Mel(path)
    with pytest.raises(OutputError, match="cannot be read again"):
        Mel(tmp_path / "none.mel")


def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="the folder does not exist"):
        write(tmp_path / "none" / "a.mel", noise(3000))


@pytest.mark.parametrize("fps", ["24000/1001", "24", "25", "30000/1001", "50", "60", "60000/1001", "1/2", "1000"])
def test_windows_begin_with_their_frames_for_ten_hours(fps: str) -> None:
    rate = Fraction(fps)
    for frame in (0, 1, 2, 1000, round(36_000 * rate) - 1, round(36_000 * rate), 10**12):
        start = window_start(frame, rate)
        assert start <= 80 * frame / rate < start + 1


def test_windows_of_film_are_where_floating_numbers_go_wrong() -> None:
    """Every 240 frames of 24000/1001 take 800.8 columns; the five times that are whole."""
    rate = Fraction(24000, 1001)
    assert [window_start(1200 * number, rate) for number in (1, 2, 164, 719)] == [4004, 8008, 656_656, 2_878_876]
    wrong = [n for n in range(200_000) if int(n * (80 / (24000 / 1001))) != window_start(n, rate)]
    assert wrong


def test_an_offset_moves_the_lips_behind_the_sound() -> None:
    rate = Fraction(25)
    assert window_start(25, rate, 0) == 80
    assert window_start(25, rate, 100) == 72
    assert window_start(25, rate, -100) == 88
    assert window_start(0, rate, 1) == -1
    assert window_start(900_000, rate, 40) == window_start(899_999, rate)
