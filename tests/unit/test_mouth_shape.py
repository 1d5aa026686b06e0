"""Where a face's points go when its mouth moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from facefusion_cli.core.faces.topology import LEFT_EYE, OVAL, RIGHT_EYE
from facefusion_cli.core.lipsync.mouth.shape import GAP, LOWER_INNER, UPPER_INNER, Mouth, move

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

RING = slice(478, 478 + len(OVAL))


@pytest.fixture(scope="module")
def mesh(request: pytest.FixtureRequest) -> NDArray[np.float32]:
    """(478, 3) of the astronaut, who smiles with her lips apart."""
    data: Path = request.path.parents[1] / "data" / "face_mesh_478.npz"
    with np.load(data) as meshes:
        astronaut: NDArray[np.float32] = meshes["astronaut"][0]
    return astronaut


def gaps(places: NDArray[np.float64]) -> NDArray[np.float64]:
    return places[list(LOWER_INNER), 1] - places[list(UPPER_INNER), 1]


def turned(mesh: NDArray[np.float32], degrees: float) -> NDArray[np.float32]:
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    return np.asarray(mesh @ turn.T, np.float32)


def test_a_smile_is_open_and_faces_the_viewer(mesh: NDArray[np.float32]) -> None:
    mouth = Mouth.of(mesh, teeth=1.0)
    assert 0.1 < mouth.gap < 0.2
    assert mouth.width == pytest.approx(np.linalg.norm(mesh[61] - mesh[291]), rel=1e-5)
    assert abs(mouth.turn) < 0.1
    assert mouth.seen > 0.99
    assert mouth.own == 1
    assert Mouth.of(mesh, teeth=0.0).own == 0


def test_a_tilted_head_has_the_same_mouth(mesh: NDArray[np.float32]) -> None:
    upright, tilted = Mouth.of(mesh), Mouth.of(turned(mesh, 40))
    assert tilted.gap == pytest.approx(upright.gap, abs=1e-4)
    motions = [move(m, mouth, 0.4, 0.5, 1.0) for m, mouth in ((mesh, upright), (turned(mesh, 40), tilted))]
    assert np.abs(motions[0].target - motions[1].target).max() < 1e-3


def test_places_along_the_face_lead_back_to_the_picture(mesh: NDArray[np.float32]) -> None:
    mouth = Mouth.of(turned(mesh, 25))
    points = mesh[:, :2].astype(np.float64)
    assert np.abs(mouth.in_picture(mouth.along(points)) - points).max() < 1e-6
    x, y = np.meshgrid(np.arange(3, dtype=np.float32), np.arange(2, dtype=np.float32))
    assert np.abs(mouth.along_grid(x, y) - mouth.along(np.dstack([x, y]))).max() < 1e-4


@pytest.mark.parametrize("opening", [0.0, 0.1, 0.3, 0.5])
def test_the_gap_is_the_wanted_one(opening: float, mesh: NDArray[np.float32]) -> None:
    motion = move(mesh, Mouth.of(mesh), opening, 0.0, 1.0)
    assert motion.gap == pytest.approx(GAP * opening, abs=1e-6)
    # The mesh leaves a little between lips that touch.
    assert 0 <= gaps(motion.target)[5] - motion.gap < 0.02


def test_lips_that_close_meet_at_their_whole_length(mesh: NDArray[np.float32]) -> None:
    mouth = Mouth.of(mesh)
    before = move(mesh, mouth, mouth.gap / GAP, 0.0, 1.0)
    assert before.change < 1e-6
    assert gaps(before.target)[3:8].min() > 0.05
    assert np.abs(gaps(move(mesh, mouth, 0.0, 0.0, 1.0).target)).max() < 0.01


def test_nothing_moves_from_the_nose_up_nor_on_the_ring(mesh: NDArray[np.float32]) -> None:
    for opening, spread in ((0.5, 1.0), (0.0, -1.0)):
        motion = move(mesh, Mouth.of(mesh), opening, spread, 1.0)
        for still in ([*LEFT_EYE, *RIGHT_EYE, 4, 1, 10, 50, 280], RING):
            assert np.abs(motion.upper[still]).max() < 1e-9
            assert np.abs(motion.lower[still]).max() < 1e-9


def test_the_chin_follows_the_lower_lip(mesh: NDArray[np.float32]) -> None:
    mouth = Mouth.of(mesh)
    motion = move(mesh, mouth, 0.5, 0.0, 1.0)
    change = motion.gap - mouth.gap
    down = motion.target[:478, 1] - mouth.along(mesh[:, :2])[:, 1]
    assert down[14] == pytest.approx(0.86 * change, rel=0.02)
    assert down[13] == pytest.approx(-0.14 * change, rel=0.02)
    assert down[152] == pytest.approx(0.86 * change, rel=0.02)
    # Corners and cheeks less.
    assert 0 < down[61] < 0.4 * down[14]
    assert 0 <= down[234] < 0.2 * down[14]


def test_corners_go_in_and_out(mesh: NDArray[np.float32]) -> None:
    mouth = Mouth.of(mesh)
    own = mouth.gap / GAP
    widths = []
    for spread in (-1.0, 0.0, 1.0):
        target = move(mesh, mouth, own, spread, 1.0).target
        widths.append(target[291, 0] - target[61, 0])
    assert np.diff(widths) == pytest.approx([0.2, 0.2], abs=0.01)


def test_weight_is_the_way_gone(mesh: NDArray[np.float32]) -> None:
    mouth = Mouth.of(mesh)
    still, half, whole = (move(mesh, mouth, 0.5, 1.0, weight) for weight in (0.0, 0.5, 1.0))
    assert still.change == 0
    assert half.gap == pytest.approx((mouth.gap + whole.gap) / 2)
    assert np.abs(half.target - (still.target + whole.target) / 2).max() < 1e-6


def test_an_opening_is_limited_more_where_the_inside_is_made_up(mesh: NDArray[np.float32]) -> None:
    assert Mouth.of(mesh, teeth=0.0).wanted_gap(1.0) == pytest.approx(0.55 * GAP)
    assert Mouth.of(mesh, teeth=1.0).wanted_gap(1.0) == pytest.approx(0.7 * GAP)
    assert Mouth.of(mesh).wanted_gap(-1.0) == 0
