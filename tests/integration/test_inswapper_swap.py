"""The engine inswapper from the command line to the file, on networks that stand in for the real ones."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from facefusion_cli import find_faces, swap_faces
from facefusion_cli.cli import main
from facefusion_cli.core.faceswap.job import SwapJob
from facefusion_cli.core.faceswap.options import People, SwapOptions
from facefusion_cli.core.media.images import read_picture
from facefusion_cli.core.media.video.probe import probe
from facefusion_cli.core.media.video.reader import FrameReader
from facefusion_cli.errors import NoFaceError, UsageError, WeightsMissingError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from facefusion_cli import SwapResult


@pytest.fixture(autouse=True)
def weights(stand_ins: Path) -> Path:
    """The folder that they are stored in, the usual one of this test."""
    return stand_ins


def tinted(path: Path, channel: int, into: Path, size: int = 256) -> Path:
    """The portrait in one colour, so that the recognition network knows who it is."""
    picture = cv2.resize(read_picture(path).bgr, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32)
    other = [number for number in range(3) if number != channel]
    picture[...] = picture.mean(axis=2, keepdims=True)
    picture[..., other] *= 0.6
    cv2.imwrite(str(into), picture.astype(np.uint8))
    return into


@pytest.fixture
def people(astronaut: Path, tmp_path: Path) -> tuple[Path, Path, Path]:
    """The same face as three persons: in blue, in green and in red."""
    blue, green, red = (tinted(astronaut, channel, tmp_path / f"{channel}.png") for channel in range(3))
    return blue, green, red


@pytest.fixture
def crowd(people: tuple[Path, Path, Path], tmp_path: Path) -> Path:
    """All three beside each other."""
    cv2.imwrite(str(tmp_path / "crowd.png"), np.hstack([read_picture(path).bgr for path in people]))
    return tmp_path / "crowd.png"


def changed(before: Path, after: NDArray[np.uint8] | None) -> list[bool]:
    """Which of the three persons of the crowd have another face now."""
    assert after is not None
    difference = np.abs(after.astype(np.int16) - read_picture(before).bgr).max(axis=2)
    return [bool(part.max() > 8) for part in np.hsplit(difference, 3)]


def run(source: Path | None, target: Path, **people: Any) -> SwapResult:
    return SwapJob(source, SwapOptions(people=People(**people))).swap(target)


def test_it_is_the_best_where_its_weights_are_stored(
    astronaut: Path, hopper: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["faceswap", str(astronaut), str(hopper), "-o", str(tmp_path / "o.png"), "--json", "-v"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["engine"] == "inswapper"
    assert out.count("\n") == 1
    for weight in ("det_10g", "inswapper_128"):
        assert f"{weight} runs on " in err
    before, after = read_picture(hopper).bgr, read_picture(tmp_path / "o.png").bgr
    (face,) = find_faces(hopper)
    x1, y1, x2, y2 = (int(edge) for edge in face.box)
    outside = np.ones(before.shape[:2], bool)
    outside[max(0, y1 - (y2 - y1) // 4) : y2 + 4, x1 - 4 : x2 + 4] = False
    assert np.array_equal(before[outside], after[outside])
    assert (before != after).any()


def test_only_the_person_of_the_reference_is_replaced(
    people: tuple[Path, Path, Path], crowd: Path, hopper: Path
) -> None:
    for index, person in enumerate(people):
        result = run(hopper, crowd, reference=person)
        assert result.faces == (index,)
        assert changed(crowd, result.image) == [number == index for number in range(3)]


def test_nobody_like_the_reference_is_no_face(people: tuple[Path, Path, Path], hopper: Path) -> None:
    blue, green, _ = people
    with pytest.raises(NoFaceError, match=r"nobody in .*1\.png.* resembles the person of .*0\.png"):
        run(hopper, green, reference=blue)


def test_everybody_gets_the_face_that_was_mapped_to_them(people: tuple[Path, Path, Path], crowd: Path) -> None:
    blue, green, red = people
    result = run(None, crowd, pairs=((blue, red), (red, green)))
    assert result.faces == (0, 2)
    assert changed(crowd, result.image) == [True, False, True]
    assert result.image is not None
    alone = [run(source, person).image for source, person in ((red, blue), (green, red))]
    for part, expected in zip((0, 2), alone, strict=True):
        assert expected is not None
        shown = np.hsplit(result.image, 3)[part]
        assert np.abs(shown.astype(np.int16) - expected)[60:200, 60:200].mean() < 3


def test_several_pictures_of_the_source_are_one_person(people: tuple[Path, Path, Path], hopper: Path) -> None:
    blue, green, red = people
    alone, same, mixed = (run(blue, hopper, extra_sources=extra) for extra in ((), (blue,), (green, red)))
    assert alone.image is not None
    assert same.image is not None
    assert mixed.image is not None
    assert np.abs(alone.image.astype(np.int16) - same.image).max() <= 1
    assert np.abs(alone.image.astype(np.int16) - mixed.image).max() > 4
    assert not any("another person" in note for note in (*alone.notes, *same.notes))
    assert sum("another person" in note for note in mixed.notes) == 2


def test_what_only_it_can_do_is_refused_of_the_other(people: tuple[Path, Path, Path], crowd: Path) -> None:
    blue, green, _ = people
    job = SwapJob(blue, SwapOptions(engine="mesh", people=People(reference=green)))
    with pytest.raises(UsageError, match="cannot tell persons apart") as refused:
        job.swap(crowd)
    assert "inswapper" in refused.value.hint


def test_what_only_it_can_do_fails_without_its_weights(
    people: tuple[Path, Path, Path], crowd: Path, weights: Path
) -> None:
    (weights / "w600k_r50.onnx").unlink()
    with pytest.raises(WeightsMissingError, match="the inswapper engine, whose weights are not all stored") as lacking:
        run(people[0], crowd, reference=people[1])
    assert "download-models inswapper" in lacking.value.hint
    assert swap_faces(people[0], crowd).engine == "mesh"


def test_indices_are_those_that_find_faces_counts(crowd: Path, people: tuple[Path, Path, Path]) -> None:
    faces = find_faces(crowd)
    assert len(faces) == 3
    for index in range(3):
        result = swap_faces(people[0], crowd, face=index)
        assert changed(crowd, result.image) == [number == index for number in range(3)]
    assert find_faces(crowd, engine="mesh")[0].box == pytest.approx(faces[0].box, abs=2)


def frames_of(path: Path) -> list[NDArray[np.uint8]]:
    with FrameReader(probe(path)) as reader:
        return list(reader)


def test_a_video_with_each_person_s_own_face(
    clip: Callable[..., Path],
    people: tuple[Path, Path, Path],
    crowd: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    blue, green, red = people
    picture = read_picture(crowd).bgr
    moving = [np.roll(picture, 2 * number, axis=1)[:, : picture.shape[1]] for number in range(12)]
    target = clip(moving, audio="aac", extra=("-crf", "4"))
    pairs = ["--map", f"{blue}={red}", "--map", f"{red}={green}"]
    assert main(["faceswap", *pairs, str(target), "-o", str(tmp_path / "out.mp4"), "--json", "--crf", "4"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["engine"], record["faces"], record["found"], record["frames_swapped"]) == (
        "inswapper",
        [0, 2],
        3,
        12,
    )
    for before, after in zip(frames_of(target), frames_of(tmp_path / "out.mp4"), strict=True):
        difference = np.abs(before.astype(np.int16) - after).mean(axis=2)
        stripes = [float(np.percentile(part, 99)) for part in np.hsplit(difference, 3)]
        assert stripes[0] > 2 * stripes[1]
        assert stripes[2] > 2 * stripes[1]


@pytest.mark.parametrize("option", [("--strength", "0.5"), ("--boost", "2"), ("--keep-mouth",)])
def test_options_change_the_face(option: tuple[str, ...], people: tuple[Path, Path, Path], tmp_path: Path) -> None:
    blue, green, _ = people
    plain, other = tmp_path / "plain.png", tmp_path / "other.png"
    assert main(["faceswap", str(blue), str(green), "-o", str(plain), "--boost", "1", "-q"]) == 0
    assert main(["faceswap", str(blue), str(green), "-o", str(other), "--boost", "1", *option, "-q"]) == 0
    assert (read_picture(plain).bgr != read_picture(other).bgr).any()
