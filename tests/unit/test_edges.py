"""Numbers and texts from outside, as absurd as they can be: what is made of them still holds."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facefusion_cli.core.faces.face import Face
from facefusion_cli.core.faces.selection import parse_selection, select_faces
from facefusion_cli.core.faceswap.inswapper.paste import paste as paste_swapped
from facefusion_cli.core.lipsync.checks import check_options
from facefusion_cli.core.lipsync.options import LipSyncOptions, Pads
from facefusion_cli.core.lipsync.timeline import Timeline, plan_timeline
from facefusion_cli.core.lipsync.wav2lip.boxes import box_of_mesh
from facefusion_cli.core.lipsync.wav2lip.crops import CROP, cut, network_input
from facefusion_cli.core.lipsync.wav2lip.paste import paste as paste_mouth
from facefusion_cli.core.lipsync.wishes import pads_of, rate_of
from facefusion_cli.core.media.composite import paste_into
from facefusion_cli.core.media.segments import plan_segments
from facefusion_cli.core.media.video import rates as rates_module
from facefusion_cli.core.media.video.clock import seconds_of
from facefusion_cli.core.media.video.header import FrameLine, Header, parse_frame_line, parse_header_line
from facefusion_cli.core.media.video.options import VideoOptions
from facefusion_cli.core.media.video.rates import fit_grid
from facefusion_cli.core.media.video.span import wanted_stretch
from facefusion_cli.errors import NoFaceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from facefusion_cli.core.media.patch import Patch

MESH = np.load(Path(__file__).parents[1] / "data" / "face_mesh_478.npz")["astronaut"][0].astype(np.float32)
MOST_FRAMES = 10_000
"""Of a video, instead of so many that a test would take its time."""

fractions = st.one_of(
    st.fractions(Fraction(1, 10**9), 10**6, max_denominator=10**9),
    st.sampled_from([Fraction(1, 999_999_999), Fraction(24000, 1001), Fraction(25), Fraction(240), Fraction(10**6)]),
)
rates = st.one_of(fractions, st.fractions(Fraction(1, 10), 240, max_denominator=1001))
times = st.one_of(
    st.none(),
    st.fractions(0, 100, max_denominator=1000),
    st.sampled_from([Fraction(0), Fraction(1, 10**20), Fraction(3600 * 10**9)]),
)
texts = st.one_of(
    st.text(max_size=40),
    st.text("0123456789", min_size=1, max_size=30),
    st.text("0123456789.:/,- +eEinfax_", max_size=30),
    st.integers(100, 6000).map("9".__mul__),
    st.integers(100, 6000).map(lambda count: f"0.{'0' * count}1"),
)


# Texts of options


@pytest.mark.parametrize(
    "read",
    [
        lambda text: seconds_of(text, "--start"),
        lambda text: rate_of(text, "--fps"),
        lambda text: pads_of(text, "--pads"),
        lambda text: parse_selection(text, name="--face", several=True),
    ],
    ids=["time", "rate", "pads", "face"],
)
@given(text=texts)
def test_a_text_is_read_or_refused(read: Callable[[str], object], text: str) -> None:
    try:
        found = read(text)
    except UsageError as error:
        assert len(error.message) < 200 + len(text)  # noqa: PT017
    else:
        assert found is not None
        assert not isinstance(found, Fraction) or 0 <= float(found) < math.inf


@given(
    numbers=st.tuples(*[st.floats()] * 2),
    chunk=st.one_of(times.filter(lambda time: time is not None), st.just(Fraction(-1))),
    fps=rates,
    offset=st.integers(-(10**400), 10**400),
    pads=st.tuples(*[st.floats()] * 4),
)
def test_numbers_are_taken_or_refused(
    numbers: tuple[Any, Any], chunk: Any, fps: Fraction, offset: int, pads: tuple[float, float, float, float]
) -> None:
    options = LipSyncOptions(
        mouth_strength=numbers[0],
        mix_original=numbers[1],
        chunk_seconds=chunk,
        fps=fps,
        sync_offset=offset,
        pads=Pads(*pads),
    )
    try:
        check_options(options)
    except UsageError as error:
        assert error.message  # noqa: PT017
    else:
        assert 0 <= options.mouth_strength <= 2
        assert 0 <= options.mix_original <= 4
        assert 0 < options.fps <= 240
        assert all(map(math.isfinite, options.pads))


# Time


@given(fps=rates, frames=st.integers(1, 10**12), start=times, duration=times, preview=times)
def test_a_stretch_lies_inside(
    fps: Fraction, frames: int, start: Fraction | None, duration: Fraction | None, preview: Fraction | None
) -> None:
    try:
        options = VideoOptions(start=start, duration=duration, preview=preview)
        first, stop = wanted_stretch(frames, fps, options, "it")
    except UsageError as error:
        assert (start, duration, preview) != (None, None, None)
        assert error.message  # noqa: PT017
    else:
        assert 0 <= first < stop <= frames


@given(fps=rates, start=st.integers(0, 10**9), frames=st.integers(0, 10**6), seconds=rates)
def test_pieces_cover_everything_once(fps: Fraction, start: int, frames: int, seconds: Fraction) -> None:
    longest = max(1, math.floor(fps * seconds))
    frames = min(frames, 1000 * longest)  # so many pieces at most
    pieces = plan_segments(start, start + frames, fps, seconds)
    assert [piece.index for piece in pieces] == list(range(len(pieces)))
    assert len(pieces) == -(-frames // longest)
    borders = [start, *(piece.stop for piece in pieces)]
    assert [piece.start for piece in pieces] == borders[:-1]
    assert borders[-1] == start + frames
    lengths = {piece.stop - piece.start for piece in pieces}
    assert all(1 <= length <= longest for length in lengths)
    assert max(lengths, default=0) - min(lengths, default=0) <= 1


@given(
    fps=rates,
    pictures=st.integers(1, 10**9),
    sound=st.one_of(fractions, st.just(Fraction(0))),
    fit=st.sampled_from(["audio", "video", "longest", "shortest"]),
    extend=st.sampled_from(["pingpong", "loop", "freeze"]),
    place=st.floats(0, 1),
)
def test_a_timeline_shows_what_there_is(
    fps: Fraction, pictures: int, sound: Fraction, fit: Any, extend: Any, place: float
) -> None:
    timeline = plan_timeline(fps, pictures, sound, fit, extend)
    assert timeline.frames >= 1
    start = min(int(place * timeline.frames), timeline.frames - 1)
    stop = min(timeline.frames, start + 100)
    runs = list(timeline.runs(start, stop))
    assert sum(run.length for run in runs) == stop - start
    assert all(run.length >= 1 and 0 <= run.low < run.stop <= pictures for run in runs)
    low, high = timeline.needed(start, stop)
    assert (low, high) == (min(run.low for run in runs), max(run.stop for run in runs))


@pytest.mark.parametrize("extend", ["pingpong", "loop", "freeze"])
@given(pictures=st.integers(1, 3))
def test_what_a_week_of_sound_needs_is_found_at_once(extend: Any, pictures: int) -> None:
    assert Timeline(Fraction(240), 240 * 7 * 86_400, pictures, extend).needed(0, 240 * 7 * 86_400) == (0, pictures)


@settings(max_examples=60)
@given(
    steps=st.lists(st.one_of(st.integers(1, 50), st.sampled_from([1000, 10**6, 10**17])), max_size=60),
    first=st.integers(-(2**40), 2**40),
    tick=st.sampled_from([Fraction(1, 90000), Fraction(1, 1000), Fraction(1, 25), Fraction(1, 10**9), Fraction(1)]),
    last=st.sampled_from([0, 1, 10**6]),
    hints=st.lists(rates, max_size=3),
)
def test_a_rate_fits_any_stamps(steps: list[int], first: int, tick: Fraction, last: int, hints: list[Fraction]) -> None:
    stamps = first + np.cumsum([0, *steps], dtype=np.int64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rates_module, "_MOST_FRAMES", MOST_FRAMES)
        try:
            grid = fit_grid(stamps, tick, last, hints)
        except ValueError as error:
            assert max(steps) > 50
            assert str(error).startswith("it would ")  # noqa: PT017
            return
    assert grid.fps > 0
    assert 1 <= grid.frames <= MOST_FRAMES
    if grid.source is None:
        assert grid.frames == len(stamps)
    else:
        assert len(grid.source) == grid.frames
        assert (np.diff(grid.source) >= 0).all()
        assert grid.source[0] >= 0
        assert grid.source[-1] < len(stamps)


# What ffmpeg says

stream_lines = st.builds(
    "  Stream #0:{}{}: {}: {}{}".format,
    st.integers(0, 10**30),
    st.sampled_from(["", "[0x1]", "(eng)"]),
    st.sampled_from(["Video", "Audio", "Subtitle"]),
    st.text("abc012_-", min_size=1, max_size=9),
    st.text("0123456789x, Hzfpstbrk.()/[]", max_size=60),
)
lines = st.one_of(
    st.text(max_size=80),
    stream_lines,
    st.builds("  Duration: {}:{}:{}.{}, start: {}".format, *[st.integers(0, 10**30)] * 5),
    st.builds("n: {} pts: {} fmt:{} sar:{}/{} s:{}x{} i:{}".format, *[st.integers(-1, 10**30)] * 8),
    st.builds("config in time_base: {}/{}, frame_rate: {}/{}".format, *[st.integers(0, 10**30)] * 4),
)


@given(said=st.lists(lines, max_size=8))
def test_any_line_can_be_heard(said: list[str]) -> None:
    header, frame = Header(), FrameLine()
    for line in said:
        for text in (line, line.replace(", ", header.mark)):
            parse_header_line(text, header)
        parse_frame_line(f"[{frame.name} @ 0x1] {line}", frame)
        parse_frame_line(line, frame)
    assert all(stream.rate >= 0 and stream.channels >= 0 for stream in header.streams)
    assert all(rate > 0 for stream in header.streams for rate in stream.rates)


# Faces


@given(
    sizes=st.lists(st.floats(0.1, 1e6), max_size=4), text=st.sampled_from(["largest", "left", "right", "all", "0,3"])
)
def test_faces_are_chosen_or_there_are_none(sizes: list[float], text: str) -> None:
    faces = [face_at(size, 100.0 * place, 0.0) for place, size in enumerate(sizes)]
    try:
        chosen = select_faces(faces, parse_selection(text, name="--face", several=True), name="it")
    except NoFaceError as error:
        assert error.message  # noqa: PT017
    else:
        assert chosen
        assert all(faces[index] is face for index, face in chosen)


def face_at(size: float, x: float, y: float, degrees: float = 0.0) -> Face:
    """So wide, turned clockwise by so much, the tip of its nose there."""
    factor = size / Face(MESH, 1.0).size
    cos, sin = factor * math.cos(math.radians(degrees)), factor * math.sin(math.radians(degrees))
    mesh = MESH * np.float32(factor)
    mesh[:, :2] = (MESH[:, :2] - MESH[4, :2]) @ np.array([[cos, sin], [-sin, cos]]) + [x, y]
    return Face(mesh.astype(np.float32), 1.0)


# A tenth of a face and more may lie beyond each border; some are larger than the picture, some wholly outside.
places = st.tuples(st.floats(-150, 250), st.floats(-150, 220))
sizes = st.one_of(st.floats(0.5, 400), st.sampled_from([1e-3, 24.0, 3000.0]))
shapes = st.tuples(st.integers(1, 90), st.integers(1, 90))
pads = st.tuples(*[st.sampled_from([-0.49, 0.0, 0.05, 1.0])] * 4).map(lambda each: Pads(*each))


def noise(height: int, width: int, seed: int = 5) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def check_pasted(frame: NDArray[np.uint8], patch: Patch | None) -> None:
    """It lies inside, and changes nothing but what its mask shows."""
    if patch is None:
        return
    height, width = patch.mask.shape
    assert patch.x >= 0
    assert patch.y >= 0
    assert patch.x + width <= frame.shape[1]
    assert patch.y + height <= frame.shape[0]
    assert patch.colour.shape == (height, width, 3)
    assert np.isfinite(patch.alpha).all()
    assert patch.alpha.min() >= 0
    assert patch.alpha.max() <= 1
    untouched = np.ones(frame.shape[:2], bool)
    untouched[patch.y : patch.y + height, patch.x : patch.x + width] = patch.alpha == 0
    after = frame.copy()
    paste_into(after, [patch])
    assert np.array_equal(after[untouched], frame[untouched])


@settings(max_examples=60)
@given(place=places, size=sizes, degrees=st.floats(-180, 180), shape=shapes, pads=pads, share=st.floats(0.01, 1))
def test_a_mouth_at_the_border(
    place: tuple[float, float], size: float, degrees: float, shape: tuple[int, int], pads: Pads, share: float
) -> None:
    frame, face = noise(*shape), face_at(size, *place, degrees)
    before = frame.copy()
    box = box_of_mesh(face.mesh, pads)
    assert box.width > 0
    assert box.height > 0
    assert -1e-6 <= box.in_sight(shape) <= 1
    crop = cut(frame, box)
    assert crop.shape == (CROP, CROP, 3)
    seen = network_input(crop)
    assert seen.min() >= 0
    assert seen.max() <= 1
    generated = noise(CROP, CROP, 7).astype(np.float32) / np.float32(255)
    check_pasted(frame, paste_mouth(generated, crop, box, face, frame, share))
    assert np.array_equal(frame, before)


@settings(max_examples=40)
@given(place=places, size=sizes, degrees=st.floats(-180, 180), shape=shapes, keep_mouth=st.booleans())
def test_a_face_at_the_border(
    place: tuple[float, float], size: float, degrees: float, shape: tuple[int, int], keep_mouth: bool
) -> None:
    frame, face = noise(*shape), face_at(size, *place, degrees)
    factor = 76.0 / size
    cos, sin = factor * math.cos(math.radians(degrees)), factor * math.sin(math.radians(degrees))
    linear = np.array([[cos, sin], [-sin, cos]])
    matrix = np.column_stack([linear, 63.5 - linear @ place])
    patch = paste_swapped(noise(128, 128), noise(128, 128, 6), matrix, face, shape, keep_mouth=keep_mouth)
    check_pasted(frame, patch)
