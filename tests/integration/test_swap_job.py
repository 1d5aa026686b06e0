"""Swapping from Python, with files and with arrays, on real faces."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from PIL import Image

from facefusion_cli import (
    FaceIndexError,
    FaceTooSmallError,
    InputError,
    NoFaceError,
    OutputError,
    OutputExistsError,
    SwapResult,
    UsageError,
    find_faces,
    swap_faces,
)
from facefusion_cli.core.faces.analyser import FaceAnalyser
from facefusion_cli.core.faceswap import job as job_module
from facefusion_cli.core.faceswap.engine import EngineEntry, check_engine
from facefusion_cli.core.faceswap.job import SwapJob
from facefusion_cli.core.faceswap.options import SwapOptions
from facefusion_cli.core.media.images import read_picture
from facefusion_cli.core.media.outputs import plan_outputs
from facefusion_cli.core.media.patch import Patch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from facefusion_cli import Face
    from facefusion_cli.core.faces.tools import Tools
    from facefusion_cli.core.faceswap.engine import Source, SwapSettings, Task


def pixels(path: Path) -> NDArray[np.uint8]:
    return read_picture(path).bgr


def changed(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> NDArray[np.bool_]:
    different: NDArray[np.bool_] = (before != after).any(axis=2)
    return different


def test_a_file_is_written_and_reported(astronaut: Path, hopper: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.png"
    result = swap_faces(astronaut, hopper, output)
    assert isinstance(result, SwapResult)
    assert (result.source, result.target, result.output) == (astronaut, hopper, output)
    assert (result.engine, result.faces, result.found, result.image) == ("mesh", (0,), 1, None)
    assert result.seconds > 0
    assert any("glasses" in note for note in result.notes)
    assert [path.name for path in tmp_path.iterdir()] == ["out.png"]


def test_outside_the_face_a_png_is_the_same_bit_for_bit(hopper: Path, astronaut: Path, tmp_path: Path) -> None:
    swap_faces(hopper, astronaut, tmp_path / "out.png")
    before, after = pixels(astronaut), pixels(tmp_path / "out.png")
    (face,) = find_faces(astronaut)
    hull = cv2.convexHull(np.rint(face.mesh[:468, :2]).astype(np.int32))
    inside = cv2.fillPoly(np.zeros(before.shape[:2], np.uint8), [hull], 1) > 0
    inside = cv2.dilate(inside.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    assert not changed(before, after)[~inside].any()
    assert changed(before, after)[inside].mean() > 0.4


def test_arrays_give_what_files_give(astronaut: Path, hopper: Path, tmp_path: Path) -> None:
    swap_faces(astronaut, hopper, tmp_path / "out.png")
    source, target = pixels(astronaut), pixels(hopper)
    kept = source.copy(), target.copy()
    result = swap_faces(source, target)
    assert (result.source, result.target, result.output) == (None, None, None)
    assert result.image is not None
    assert np.array_equal(result.image, pixels(tmp_path / "out.png"))
    assert np.array_equal(source, kept[0])
    assert np.array_equal(target, kept[1])
    mixed = swap_faces(astronaut, target)
    assert mixed.image is not None
    assert np.array_equal(mixed.image, result.image)
    assert mixed.source == astronaut


def test_heaps_are_limited(astronaut: Path, hopper: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr(job_module, "limit_heaps", lambda: calls.append("limited"))
    swap_faces(astronaut, hopper, tmp_path / "o.jpg")
    assert calls


def test_strings_are_paths_too(astronaut: Path, hopper: Path, tmp_path: Path) -> None:
    assert swap_faces(str(astronaut), str(hopper), str(tmp_path / "o.jpg")).output == tmp_path / "o.jpg"


@pytest.mark.parametrize(
    ("face", "expected"),
    [("left", (0,)), ("right", (5,)), ("2", (2,)), (3, (3,)), ("1,4", (1, 4)), ("all", (0, 1, 2, 3, 4, 5))],
)
def test_which_faces_are_replaced(face: str | int, expected: tuple[int, ...], astronaut: Path, group: Path) -> None:
    before = pixels(group)
    result = swap_faces(astronaut, before, face=face)
    assert result.faces == expected
    assert result.found == 6
    assert result.image is not None
    difference = changed(before, result.image)
    for index, found in enumerate(find_faces(before)):
        x, y = (int(v) for v in found.mesh[5, :2])
        assert difference[y - 5 : y + 6, x - 5 : x + 6].any() == (index in expected)


def test_the_largest_is_the_default(astronaut: Path, group: Path) -> None:
    faces = find_faces(group)
    largest = max(range(6), key=lambda index: faces[index].size)
    assert swap_faces(astronaut, group).faces == (largest,)


def test_the_source_face_can_be_chosen(group: Path, hopper: Path) -> None:
    faces = find_faces(group)
    for index, other in ((2, 5), (5, 2)):
        result = swap_faces(group, hopper, source_face=index).image
        alike, unlike = (swap_faces(crop(pixels(group), faces[each]), hopper).image for each in (index, other))
        assert difference(result, alike) < 0.2 * difference(result, unlike)


def crop(picture: NDArray[np.uint8], face: Face) -> NDArray[np.uint8]:
    x1, y1, x2, y2 = (int(edge) for edge in face.box)
    margin = int(face.size / 2)
    return picture[max(y1 - margin, 0) : y2 + margin, max(x1 - margin, 0) : x2 + margin]


def difference(one: NDArray[np.uint8] | None, other: NDArray[np.uint8] | None) -> float:
    assert one is not None
    assert other is not None
    return float(np.abs(one.astype(np.int16) - other).mean())


class PretendedEngine:
    """Paints the whole picture in the shade of the face's size, or finds nothing to paint on."""

    name = "pretended"
    notes: tuple[str, ...] = ()
    outside = ""

    def __init__(self, _settings: SwapSettings, _tools: Tools) -> None:
        pass

    def prepare(self, _sources: Sequence[Source]) -> None:
        if self.outside == "source":
            raise NoFaceError("the face lies outside the picture.")

    def bounds(self, face: Face) -> tuple[float, float, float, float]:
        return face.box

    def swap(self, tasks: Sequence[Task[None]]) -> list[Patch | None]:
        if self.outside == "target":
            raise NoFaceError("the face lies outside the picture.")
        return [self._paint(task.picture, task.face) for task in tasks]

    def _paint(self, picture: NDArray[np.uint8], face: Face) -> Patch:
        shade = np.full(picture.shape, round(face.size), np.float32)
        return Patch(0, 0, shade, np.ones(picture.shape[:2], np.float32))


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> type[PretendedEngine]:
    class Engine(PretendedEngine):
        pass

    monkeypatch.setattr("facefusion_cli.core.faceswap.engine.ENGINES", (EngineEntry("pretended", "", Engine),))
    return Engine


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("chosen", ["all", "0,1", "1,0"])
def test_near_faces_cover_far_ones(
    pretended: type[PretendedEngine], astronaut: Path, mirrored: bool, chosen: str
) -> None:
    near = pixels(astronaut)
    canvas = np.full((512, 800, 3), 128, np.uint8)
    canvas[:, :512] = near
    canvas[:256, 544:] = cv2.resize(near, (256, 256), interpolation=cv2.INTER_AREA)
    if mirrored:
        canvas = np.ascontiguousarray(canvas[:, ::-1])
    sizes = [face.size for face in FaceAnalyser().find(canvas)]
    assert len(sizes) == 2
    result = swap_faces(astronaut, canvas, face=chosen)
    assert result.image is not None
    assert (result.image == round(max(sizes))).all()


@pytest.mark.parametrize("outside", ["source", "target"])
def test_what_an_engine_finds_wrong_with_a_picture_names_it(
    pretended: type[PretendedEngine], astronaut: Path, hopper: Path, outside: str
) -> None:
    pretended.outside = outside
    name = {"source": astronaut, "target": hopper}[outside]
    with pytest.raises(NoFaceError) as caught:
        swap_faces(astronaut, hopper)
    assert caught.value.message == f'"{name}": the face lies outside the picture.'
    with pytest.raises(NoFaceError, match=f"^the {outside} picture: the face lies outside"):
        swap_faces(pixels(astronaut), pixels(hopper))


def test_one_job_reads_its_source_once(astronaut: Path, hopper: Path, group: Path, tmp_path: Path) -> None:
    source = tmp_path / "me.png"
    source.write_bytes(astronaut.read_bytes())
    job = SwapJob(source, SwapOptions())
    job.prepare()
    source.unlink()
    for target in (hopper, group):
        assert job.swap(target).image is not None


def test_a_result_does_not_depend_on_what_came_before(astronaut: Path, hopper: Path, group: Path) -> None:
    job = SwapJob(astronaut)
    job.swap(group)
    second, alone = job.swap(hopper).image, swap_faces(astronaut, hopper).image
    assert second is not None
    assert alone is not None
    assert np.array_equal(second, alone)


def test_b31_small_faces_stay_when_all_are_meant(astronaut: Path, tmp_path: Path) -> None:
    portrait = pixels(astronaut)
    canvas = np.full((700, 900, 3), (140, 150, 130), np.uint8)
    canvas[20:404, 20:404] = cv2.resize(portrait, (384, 384), interpolation=cv2.INTER_AREA)
    canvas[500:600, 700:800] = cv2.resize(portrait, (100, 100), interpolation=cv2.INTER_AREA)
    sizes = [face.size for face in find_faces(canvas)]
    assert len(sizes) == 2
    assert sizes[1] < 24 < sizes[0]
    result = swap_faces(portrait, canvas, face="all")
    assert result.faces == (0,)
    assert any("24 pixels" in note for note in result.notes)
    with pytest.raises(FaceTooSmallError, match="24"):
        swap_faces(portrait, canvas, face=1)


def test_a_tiny_source_is_said_to_give_a_soft_result(astronaut: Path, hopper: Path) -> None:
    tiny = cv2.resize(pixels(astronaut), (200, 200), interpolation=cv2.INTER_AREA).astype(np.uint8)
    assert any("soft" in note for note in swap_faces(tiny, hopper).notes)
    assert not any("soft" in note for note in swap_faces(astronaut, hopper).notes)


def test_b29_one_of_several_source_faces_is_said_to_be_taken(group: Path, hopper: Path, astronaut: Path) -> None:
    assert any("6 faces: the largest" in note for note in swap_faces(group, hopper).notes)
    assert not any("largest" in note for note in swap_faces(group, hopper, source_face=0).notes)
    assert not any("largest" in note for note in swap_faces(astronaut, hopper).notes)


def test_notes_name_the_file_they_are_about(astronaut: Path, hopper: Path, tmp_path: Path) -> None:
    moving = tmp_path / "moving.gif"
    frame = Image.open(astronaut).convert("RGB")
    frame.save(moving, save_all=True, append_images=[frame.rotate(5)])
    result = swap_faces(hopper, moving, tmp_path / "out.png")
    assert any("moving.gif" in note and "first frame" in note for note in result.notes)


def test_b16_the_source_is_converted_to_the_targets_mode(astronaut: Path, hopper: Path, tmp_path: Path) -> None:
    grey = tmp_path / "grey.png"
    Image.open(hopper).convert("L").save(grey)
    swap_faces(astronaut, grey, tmp_path / "out.png")
    with Image.open(tmp_path / "out.png") as result, Image.open(grey) as before:
        assert result.mode == "L"
        assert (np.asarray(result) != np.asarray(before)).any()


def test_b27_b28_no_face(astronaut: Path, no_face: Path, tmp_path: Path) -> None:
    for source, target, name in ((no_face, astronaut, "no_face.png"), (astronaut, no_face, "no_face.png")):
        with pytest.raises(NoFaceError, match=name):
            swap_faces(source, target, tmp_path / "out.png")
    with pytest.raises(NoFaceError, match="the source picture"):
        swap_faces(pixels(no_face), astronaut)
    assert not list(tmp_path.iterdir())


def test_wrong_choices(astronaut: Path, hopper: Path, tmp_path: Path) -> None:
    with pytest.raises(FaceIndexError):
        swap_faces(astronaut, hopper, face=1)
    wrongs: list[tuple[dict[str, Any], str]] = [
        ({"face": -1}, "face takes largest"),
        ({"source_face": "all"}, "source_face takes largest"),
        ({"engine": "x"}, "auto, inswapper, mesh"),
        ({"image_quality": 0}, "1 to 100"),
    ]
    for wrong, hint in wrongs:
        with pytest.raises(UsageError) as caught:
            swap_faces(astronaut, hopper, **wrong)
        assert hint in caught.value.hint
        assert "--" not in caught.value.message + caught.value.hint
    with pytest.raises(UsageError, match="target file"):
        swap_faces(astronaut, pixels(hopper), tmp_path / "o.jpg")
    with pytest.raises(UsageError, match="magic") as refused:
        check_engine("magic")
    assert "auto, inswapper, mesh" in refused.value.hint
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((5, 5), np.uint8),
        np.zeros((5, 5, 4), np.uint8),
        np.zeros((5, 5, 3), np.float32),
        np.zeros((0, 5, 3), np.uint8),
    ],
    ids=["grey", "alpha", "float", "empty"],
)
def test_arrays_that_are_no_pictures(array: NDArray[np.uint8], astronaut: Path) -> None:
    with pytest.raises(InputError, match="no picture"):
        swap_faces(astronaut, array)
    with pytest.raises(InputError, match="no picture"):
        find_faces(array)


def test_outputs_are_guarded(astronaut: Path, hopper: Path, tmp_path: Path) -> None:
    target = tmp_path / "t.jpg"
    target.write_bytes(hopper.read_bytes())
    with pytest.raises(OutputError, match="same file"):
        swap_faces(astronaut, target, target)
    with pytest.raises(OutputError, match="same file"):
        swap_faces(astronaut, hopper, astronaut)
    with pytest.raises(OutputExistsError):
        swap_faces(astronaut, hopper, target, clobber=False)
    assert target.read_bytes() == hopper.read_bytes()
    (planned,) = plan_outputs([target], None)
    assert SwapJob(astronaut).run(planned).output == tmp_path / "t_swapped.jpg"
    assert SwapJob(astronaut).run(planned).output == tmp_path / "t_swapped_2.jpg"


def test_find_faces_takes_files_and_arrays(group: Path, no_face: Path) -> None:
    from_file, from_array = find_faces(group), find_faces(pixels(group))
    assert [face.box for face in from_file] == [face.box for face in from_array]
    centres = [(face.box[0] + face.box[2]) / 2 for face in from_file]
    assert centres == sorted(centres)
    assert len(centres) == 6
    assert find_faces(str(no_face)) == []
    with pytest.raises(InputError, match="nowhere"):
        find_faces(Path("nowhere.jpg"))
