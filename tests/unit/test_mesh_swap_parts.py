"""The parts of the mesh engine, each by itself, on made-up data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from facefusion_cli.core.faces.grid import GRID_LIMIT, Grid
from facefusion_cli.core.faces.topology import LEFT_EYE, OVAL, RIGHT_EYE
from facefusion_cli.core.faceswap.lab import from_lab, to_lab
from facefusion_cli.core.faceswap.mesh.colour import detail_gain, match_mean, relight
from facefusion_cli.core.faceswap.mesh.features import eye_openness, fill, mouth_openness
from facefusion_cli.core.faceswap.mesh.reliability import mirrored_with_ring, share_of_mirror, visibility
from facefusion_cli.core.faceswap.mesh.shape import MOUTH_MIX, align, mix_shapes
from facefusion_cli.core.faceswap.mesh.skin import SkinModel, skin_maps
from facefusion_cli.errors import NoFaceError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

RNG = np.random.default_rng


@pytest.fixture(scope="module")
def meshes(request: pytest.FixtureRequest) -> dict[str, NDArray[np.float32]]:
    """Name -> (478, 3)."""
    data: Path = request.path.parents[1] / "data" / "face_mesh_478.npz"
    with np.load(data) as stored:
        return {name: stored[name][0] for name in ("astronaut", "grace_hopper")}


def similar(mesh: NDArray[np.float32]) -> NDArray[np.float32]:
    a, b = np.radians(20), np.radians(-35)
    roll = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    yaw = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    moved: NDArray[np.float32] = (mesh @ (roll @ yaw).T * 1.7 + [30, -50, 4]).astype(np.float32)
    return moved


def test_align_undoes_a_similarity(meshes: dict[str, NDArray[np.float32]]) -> None:
    mesh = meshes["astronaut"]
    assert np.abs(align(similar(mesh), mesh) - mesh).max() < 0.02


def test_align_never_mirrors(meshes: dict[str, NDArray[np.float32]]) -> None:
    mesh = meshes["astronaut"]
    mirrored = mesh * np.array([-1, 1, 1], np.float32)
    assert np.abs(align(mirrored, mesh) - mesh).mean() > 5


def test_the_same_face_keeps_its_shape(meshes: dict[str, NDArray[np.float32]]) -> None:
    mesh = meshes["astronaut"]
    assert np.abs(mix_shapes(mesh, similar(mesh), 0.25) - mesh).max() < 0.05


def test_another_face_changes_the_inside_but_not_the_oval(meshes: dict[str, NDArray[np.float32]]) -> None:
    target, source = meshes["grace_hopper"], meshes["astronaut"]
    mixed = mix_shapes(target, source, 0.25)
    assert np.abs(mixed - target)[list(OVAL)].max() < 0.5
    full = align(source, target) - target
    eyes = [33, 133, 362, 263]
    # Somewhere between the two faces, half way at most.
    moved = np.linalg.norm((mixed - target)[eyes], axis=1) / np.linalg.norm(full[eyes], axis=1)
    assert (moved > 0.1).all()
    assert (moved <= 0.501).all()


def test_a_shut_mouth_keeps_the_targets_shape(meshes: dict[str, NDArray[np.float32]]) -> None:
    target, source = meshes["grace_hopper"], meshes["astronaut"]
    lips = [0, 13, 14, 17]
    assert np.abs(mix_shapes(target, source, 0.0) - target)[lips].max() < 1e-3
    full = np.linalg.norm((align(source, target) - target)[lips], axis=1)
    moved = np.linalg.norm((mix_shapes(target, source, MOUTH_MIX) - target)[lips], axis=1)
    assert ((moved / full > 0.1) & (moved / full < 0.35)).all()


def test_openness(meshes: dict[str, NDArray[np.float32]]) -> None:
    # She smiles with her teeth showing; the admiral does not.
    assert mouth_openness(meshes["astronaut"]) > 0.12
    assert mouth_openness(meshes["grace_hopper"]) < 0.05
    assert min(eye_openness(meshes["astronaut"])) > 0.2
    closed = meshes["astronaut"].copy()
    closed[[159, 145]] = closed[[33, 133]].mean(axis=0)
    right, left = eye_openness(closed)
    assert right < 0.01
    assert left == pytest.approx(eye_openness(meshes["astronaut"])[1])


@pytest.mark.parametrize("size", [60.0, 190.0, 700.0])
def test_a_grid_is_small_and_knows_where_it_is(size: float) -> None:
    points = np.array([[100, 80], [100 + size, 80 + 1.2 * size]], np.float32)
    grid = Grid.around(points, (2000, 2000), 0.03 * size)
    assert max(grid.size) <= GRID_LIMIT
    # A ramp reduced by the grid reads at any point the coordinates of that point.
    y, x = np.mgrid[0:2000, 0:2000].astype(np.float32)
    inner = np.array([[100 + 0.3 * size, 80 + 0.7 * size]], np.float32)
    ((column, row),) = grid.points(inner)
    for ramp, expected in ((x, inner[0, 0]), (y, inner[0, 1])):
        reduced = cv2.resize(
            ramp[grid.y : grid.y + grid.height, grid.x : grid.x + grid.width], grid.size, interpolation=cv2.INTER_AREA
        )
        read = cv2.getRectSubPix(reduced, (1, 1), (float(column), float(row)))
        assert read[0, 0] == pytest.approx(expected, abs=0.2)
    assert grid.enlarge(np.zeros(grid.size[::-1], np.float32)).shape == (grid.height, grid.width)


def test_a_grid_stops_at_the_edge_of_the_picture() -> None:
    grid = Grid.around(np.array([[-30, -10], [50, 70]], np.float32), (60, 40), 5)
    assert (grid.x, grid.y, grid.width, grid.height) == (0, 0, 56, 40)


def test_a_face_outside_the_picture_is_no_face() -> None:
    with pytest.raises(NoFaceError, match="outside"):
        Grid.around(np.array([[-90, -90], [-50, -50]], np.float32), (60, 40), 5)


def test_the_mirror_table_mirrors_mesh_and_ring() -> None:
    mirror = mirrored_with_ring()
    assert sorted(mirror) == list(range(514))
    assert np.array_equal(mirror[mirror], np.arange(514))
    assert {int(mirror[v]) for v in LEFT_EYE} == set(RIGHT_EYE)


def test_what_the_target_hides_need_not_be_seen() -> None:
    source = np.full(468, 0.2, np.float32)
    assert visibility(source, np.full(468, 0.2, np.float32)).min() == pytest.approx(1.0, abs=1e-4)
    assert visibility(source, np.full(468, 1.0, np.float32)).max() < 0.2
    assert visibility(np.full(468, -0.5, np.float32), np.full(468, 1.0, np.float32)).max() == 0.0


def test_the_mirror_image_is_taken_only_where_it_is_clearly_better() -> None:
    good, bad = np.full((40, 40), 0.9, np.float32), np.full((40, 40), 0.2, np.float32)
    assert share_of_mirror(bad, good, 50).min() > 0.95
    assert share_of_mirror(good, bad, 50).max() == 0
    assert share_of_mirror(good, good, 50).max() == 0


def skin_like(tone: tuple[float, float, float], seed: int = 3) -> NDArray[np.float32]:
    """(120, 120, 3) L*a*b*: a tone with texture and a light from the left."""
    lab = np.empty((120, 120, 3), np.float32)
    lab[:] = tone
    lab += RNG(seed).normal(0, [1.5, 0.8, 0.8], lab.shape)
    lab[..., 0] += np.linspace(4, -4, 120)
    return lab


EVERYWHERE = np.ones((120, 120), np.float32)


def light(source: NDArray[np.float32], target: NDArray[np.float32]) -> NDArray[np.float32]:
    return relight(source, target, EVERYWHERE, EVERYWHERE, 120)


def test_the_same_light_changes_nothing() -> None:
    lab = skin_like((65, 14, 18))
    assert np.abs(light(lab, lab) - lab).max() < 0.01


@pytest.mark.parametrize("tone", [(30, 12, 14), (50, 16, 24), (65, 14, 18), (82, 8, 12), (60, 0, 0)])
def test_any_tone_becomes_the_targets(tone: tuple[float, float, float]) -> None:
    source, target = skin_like((70, 12, 16)), skin_like(tone, seed=4)
    lit = light(source, target)
    assert np.abs(lit.mean(axis=(0, 1)) - target.mean(axis=(0, 1))).max() < 1.5


def test_light_from_the_other_side_is_taken_over() -> None:
    source = skin_like((65, 14, 18))
    target = source[:, ::-1].copy()
    lit = light(source, target)
    assert lit[:, :30, 0].mean() - lit[:, -30:, 0].mean() == pytest.approx(-6, abs=1.5)


def test_a_grey_target_leaves_no_colour() -> None:
    source, target = skin_like((65, 14, 18)), skin_like((60, 0, 0))
    target[..., 1:] = 0
    source[50:60, 50:70] = (45, 45, 25)  # lips
    assert np.abs(light(source, target)[..., 1:]).max() < 0.6


def test_bright_eyes_of_a_dark_face_do_not_glow_on_a_light_one() -> None:
    source, target = skin_like((32, 12, 14)), skin_like((78, 10, 14))
    source[50:54, 50:54] = (80, 0, 2)
    weight = EVERYWHERE.copy()
    weight[48:56, 48:56] = 0
    lit = relight(source, target, weight, weight, 120)
    eye = lit[51:53, 51:53, 0].mean()
    assert 78 < eye < 97


def test_black_stays_black_under_warm_light() -> None:
    source, target = skin_like((65, 8, 10)), skin_like((60, 25, 35))
    source[50:60, 50:60] = (6, 0, 0)
    weight = EVERYWHERE.copy()
    weight[48:62, 48:62] = 0
    pupil = relight(source, target, weight, weight, 120)[54, 54]
    assert abs(pupil[1]) + abs(pupil[2]) < 15
    assert pupil[0] < 15


def test_no_common_skin_leaves_the_source_alone() -> None:
    lab = skin_like((65, 14, 18))
    nothing = np.zeros_like(EVERYWHERE)
    assert np.array_equal(relight(lab, lab + 9, nothing, nothing, 120), lab)
    assert np.array_equal(match_mean(lab, lab + 9, nothing), lab)


def test_match_mean() -> None:
    a, b = skin_like((65, 14, 18)), skin_like((40, 10, 20))
    assert match_mean(a, b, EVERYWHERE).mean(axis=(0, 1)) == pytest.approx(b.mean(axis=(0, 1)), abs=0.05)


def test_lab_round_trip() -> None:
    bgr = RNG(0).integers(0, 256, (50, 50, 3), np.uint8)
    assert np.abs(from_lab(to_lab(bgr)) - bgr).max() < 1


@pytest.mark.parametrize(("noise", "low", "high"), [(2.0, 0.3, 0.5), (6.0, 0.95, 1.05), (20.0, 1.3, 1.45)])
def test_detail_follows_the_targets_grain_within_limits(noise: float, low: float, high: float) -> None:
    colour = (128 + RNG(5).normal(0, 6, (200, 200, 3))).astype(np.float32)
    target = (128 + RNG(6).normal(0, noise, (200, 200, 3))).clip(0, 255).astype(np.uint8)
    result = detail_gain(colour.copy(), target, np.ones((200, 200), np.float32), 200)
    assert low < result.std() / colour.std() < high


@pytest.mark.parametrize("tone", [(30, 12, 14), (50, 16, 24), (65, 14, 18), (85, 6, 10)])
def test_skin_is_learnt_whatever_its_tone(
    tone: tuple[float, float, float], meshes: dict[str, NDArray[np.float32]]
) -> None:
    mesh = meshes["grace_hopper"].copy()
    mesh[:, :2] -= mesh[:, :2].min(axis=0)
    width, height = (int(v) + 2 for v in mesh[:, :2].max(axis=0))
    lab = np.empty((height, width, 3), np.float32)
    lab[:] = tone
    lab += RNG(8).normal(0, [2, 1, 1], lab.shape)
    hair = (slice(0, height // 6), slice(None))
    lab[hair] += (-25, -10, -14) if tone[0] > 40 else (40, -12, -14)
    shade = (slice(height // 3, 2 * height // 3), slice(0, width // 5))
    lab[shade] += (-6, 0, 0)
    probability = SkinModel.learn(lab, mesh, np.ones(468, np.float32)).probability(lab)
    assert probability[hair].mean() < 0.1
    assert probability[shade].mean() > 0.9
    assert probability[height // 2 :, width // 3 : -width // 3].mean() > 0.95


def test_fill_grows_and_softens() -> None:
    square = np.array([[10, 10], [20, 10], [20, 20], [10, 20]], np.float32)
    plain = fill((40, 40), square, [range(4)])
    assert plain[15, 15] == 1
    assert plain[15, 23] == 0
    assert fill((40, 40), square, [range(4)], grow=4)[15, 23] == 1
    soft = fill((40, 40), square, [range(4)], soft=2)
    assert 0 < soft[15, 22] < soft[15, 18] < 1


def test_the_lenient_opinion_knows_the_shaded_side(meshes: dict[str, NDArray[np.float32]]) -> None:
    mesh = meshes["grace_hopper"].copy()
    mesh[:, :2] -= mesh[:, :2].min(axis=0)
    width, height = (int(v) + 2 for v in mesh[:, :2].max(axis=0))
    lab = np.empty((height, width, 3), np.float32)
    lab[:] = (75, 10, 14)
    # Darker and redder towards one side, as in light from the other.
    shade = np.clip(np.linspace(-4, 1.5, width), 0, 1)[None, :, None]
    lab += shade * np.array([-12, 11, 11], np.float32) + RNG(2).normal(0, [1, 0.5, 0.5], lab.shape)
    strict, lenient = skin_maps(lab, mesh[:, :2], np.ones(468, np.float32), float(width))
    band = slice(height // 3, 2 * height // 3), slice(int(0.84 * width), int(0.95 * width))
    assert lenient[band].mean() > 1.5 * strict[band].mean() > 0
