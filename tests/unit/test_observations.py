"""Files of what was seen in each frame: exact enough, and never trusted when damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from facefusion_cli.core.faces.face import Face
from facefusion_cli.core.faces.tracking.observations import GLIMPSE_SHAPE, Place, Seen, Trace, load, save
from facefusion_cli.errors import OutputError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def a_face(seed: int, size: float = 300.0, *, seen: bool = True) -> Face:
    rng = np.random.default_rng(seed)
    mesh = (rng.uniform(-0.5, 0.5, (478, 3)) * size + rng.uniform(-500, 4000, 3)).astype(np.float32)
    embedding = rng.normal(size=512).astype(np.float32)
    keypoints = rng.uniform(0, 3840, (5, 2)).astype(np.float32)
    return Face(mesh, 0.875, keypoints if seen else None, embedding if seen else None)


def same(one: NDArray[Any] | None, other: NDArray[Any] | None) -> bool:
    return other is None if one is None else other is not None and np.array_equal(one, other)


FRAMES = [
    Seen(False, (a_face(1), a_face(2, seen=False)), np.full(GLIMPSE_SHAPE, 7, np.uint8)),
    Seen(
        False,
        (),
        None,
        (Trace(Place(1.5, 2000.25, 0.125), Place(2, 3, 4), 7), Trace(Place(-3, 4, 5), Place(0, 1, 2), -9)),
    ),
    Seen(True, (a_face(3, 3840.0),), np.full(GLIMPSE_SHAPE, 9, np.uint8)),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "faces"
    assert save(iter(FRAMES), path) == 3
    return path


def test_everything_comes_back(file: Path) -> None:
    for saved, loaded in zip(FRAMES, load(file), strict=True):
        assert saved.cut == loaded.cut
        assert same(saved.glimpse, loaded.glimpse)
        assert saved.traces == loaded.traces
        for one, other in zip(saved.faces, loaded.faces, strict=True):
            assert one.score == other.score
            assert other.mesh.dtype == np.float32
            assert np.abs(one.mesh - other.mesh).max() < 0.02
            assert same(one.keypoints, other.keypoints)
            assert same(one.embedding, other.embedding)


@pytest.mark.parametrize("skip", [0, 1, 2, 3, 4])
def test_frames_can_be_passed_over(file: Path, skip: int) -> None:
    assert [len(seen.faces) for seen in load(file, skip)] == [2, 0, 1][skip:]


def test_a_face_takes_three_kilobytes(tmp_path: Path) -> None:
    path = tmp_path / "faces"
    save((Seen(False, (a_face(i, seen=False),)) for i in range(100)), path)
    assert path.stat().st_size < 300_000


def test_every_truncation_is_noticed(file: Path) -> None:
    data = file.read_bytes()
    for length in [*range(0, len(data), 97), len(data) - 1]:
        file.write_bytes(data[:length])
        with pytest.raises(OutputError, match=r"is damaged\.$"):
            list(load(file))


def test_every_changed_byte_is_noticed(file: Path) -> None:
    data = file.read_bytes()
    for place in range(0, len(data), 101):
        file.write_bytes(data[:place] + bytes([data[place] ^ 0x41]) + data[place + 1 :])
        with pytest.raises(OutputError, match=r"is damaged\.$"):
            list(load(file))


def test_what_stands_behind_the_end_is_noticed(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"x")
    with pytest.raises(OutputError):
        list(load(file))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r'cannot read ".*nothing": no such file'):
        list(load(tmp_path / "nothing"))
    with pytest.raises(OutputError, match=r"the folder does not exist"):
        save(FRAMES, tmp_path / "no" / "folder")


def test_scaling_minds_pixel_centres() -> None:
    face = Face(np.full((478, 3), 9.5, np.float32), 1.0, np.full((5, 2), -0.5, np.float32))
    seen = Seen(False, (face,), traces=(Trace(Place(9.5, -0.5, 10), Place(0.5, 0.5, 2), -3),)).scaled(2, 3)
    assert seen.traces == (Trace(Place(19.5, -0.5, 25), Place(1.5, 2.5, 5), -3),)
    (scaled,) = seen.faces
    assert scaled.mesh[0].tolist() == [19.5, 29.5, pytest.approx(23.75)]
    assert scaled.keypoints is not None
    assert scaled.keypoints[0].tolist() == [-0.5, -0.5]
