"""What trembles is held still, what moves is not held up."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from facefusion_cli.core.faces.face import Face
from facefusion_cli.core.faces.tracking.smoothing import Reach, local_weights, smoothed

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Meshes = NDArray[np.float64]

FPS = 25
LOWER_LIP = [14, 87, 178, 88, 317, 402, 318]
SKIN = [4, 6, 10, 152, 234, 454, 50, 280, 168]


@pytest.fixture(scope="module")
def face() -> NDArray[np.float64]:
    with np.load(Path(__file__).parents[1] / "data" / "face_mesh_478.npz", allow_pickle=False) as data:
        mesh = data["astronaut"][0].astype(np.float64)
    scale = 200 / Face(mesh.astype(np.float32), 1.0).size
    return np.asarray((mesh - mesh.mean(axis=0)) * scale, np.float64)


def moved(face: Meshes, path: Callable[[float], tuple[complex, complex]], frames: int = 60) -> Meshes:
    """The face turned and scaled by the first number and shifted by the second, at each time in seconds."""
    meshes = np.repeat(face[None], frames, axis=0)
    for index, mesh in enumerate(meshes):
        factor, shift = path(index / FPS)
        plane = (mesh[:, 0] + 1j * mesh[:, 1]) * factor + shift
        mesh[:, 0], mesh[:, 1] = plane.real, plane.imag
    return meshes


def trembling(meshes: Meshes, pixels: float = 0.7) -> NDArray[np.float32]:
    """Noise of each point, and of the face as a whole."""
    rng = np.random.default_rng(1)
    whole = rng.normal(0, pixels * 0.7, (len(meshes), 1, 3))
    return (meshes + whole + rng.normal(0, pixels, meshes.shape)).astype(np.float32)


def smooth(meshes: NDArray[np.float32]) -> NDArray[np.float32]:
    reach = Reach.at(FPS)
    return np.stack([smoothed(meshes, index, reach, 200.0) for index in range(len(meshes))])


def error(meshes: NDArray[np.float32], truth: Meshes, points: list[int]) -> float:
    """Root of the mean squared distance in pixels."""
    return float(np.sqrt(((meshes - truth)[:, points, :2] ** 2).sum(axis=2).mean()))


def jitter(meshes: NDArray[np.float32], points: list[int]) -> float:
    return float(np.linalg.norm(np.diff(meshes[:, points, :2], 2, axis=0), axis=2).mean())


def test_a_still_face_stops_trembling(face: Meshes) -> None:
    truth = moved(face, lambda _: (1, 0))
    seen = trembling(truth)
    held = smooth(seen)
    assert jitter(held, SKIN) < 0.12 * jitter(seen, SKIN)
    assert jitter(held, LOWER_LIP) < 0.6 * jitter(seen, LOWER_LIP)
    assert error(held, truth, SKIN) < 0.55 * error(seen, truth, SKIN)


PATHS: dict[str, Callable[[float], tuple[complex, complex]]] = {
    "even": lambda t: (1, 300 * t),
    "nodding": lambda t: ((1 + 0.1 * np.sin(6 * t)) * np.exp(0.2j * np.sin(6 * t)), 40j * np.sin(6 * t)),
    "shaking": lambda t: (np.exp(0.05j * np.sin(19 * t)), 24 * np.sin(19 * t)),
    "stopping": lambda t: (1, 400 * min(t, 1)),
    "turning over": lambda t: (np.exp(2j * t), 0),
}


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_a_moving_face_is_where_it_is(face: Meshes, path: Callable[[float], tuple[complex, complex]]) -> None:
    truth = moved(face, path)
    seen = trembling(truth)
    assert error(smooth(seen), truth, SKIN) < 0.9 * error(seen, truth, SKIN)


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_without_noise_hardly_anything_changes(face: Meshes, path: Callable[[float], tuple[complex, complex]]) -> None:
    truth = moved(face, path)
    assert np.abs(smooth(truth.astype(np.float32)) - truth)[..., :2].max() < 3.0


def test_a_mouth_opens_for_three_frames_as_far_and_as_soon(face: Meshes) -> None:
    truth = moved(face, lambda t: (1, 30j * np.sin(6 * t)))
    opening = np.zeros(60)
    for start in range(8, 50, 14):
        opening[start : start + 3] = 0.6, 1, 0.6
    truth[:, LOWER_LIP, 1] += 12 * opening[:, None]

    def gap(meshes: NDArray[np.float32] | Meshes) -> NDArray[np.float64]:
        return np.asarray(meshes[:, 14, 1] - meshes[:, 13, 1], np.float64)

    for seen in (truth.astype(np.float32), trembling(truth)):
        shown = gap(smooth(seen))
        assert np.abs(shown - gap(truth))[opening == 1].max() < 2.5
        assert shown[opening == 1].mean() == pytest.approx(gap(truth)[opening == 1].mean(), abs=1.0)
        lags = [np.corrcoef(shown[5:-5], np.roll(gap(truth), lag)[5:-5])[0, 1] for lag in (-1, 0, 1)]
        assert lags[1] > 0.97
        assert lags[1] > max(lags[0], lags[2]) + 0.2


def test_one_frame_alone_stays_as_it_is(face: Meshes) -> None:
    assert np.allclose(smooth(face[None].astype(np.float32)), face, atol=1e-3)


def test_frames_beyond_the_reach_do_not_matter(face: Meshes) -> None:
    seen = trembling(moved(face, PATHS["nodding"]))
    reach = Reach.at(FPS)
    part = seen[30 - reach.long : 30 + reach.long + 1]
    assert np.array_equal(smoothed(part, reach.long, reach, 200.0), smoothed(seen, 30, reach, 200.0))


@pytest.mark.parametrize("degree", [0, 1, 2])
@pytest.mark.parametrize(("first", "last"), [(-3, 3), (0, 4), (-2, 1), (0, 0), (-1, 0)])
def test_weights_are_right_for_polynomials(first: int, last: int, degree: int) -> None:
    t = np.arange(first, last + 1)
    for power in range(min(degree, len(t) - 1) + 1):
        assert local_weights(first, last, degree) @ t**power == pytest.approx(float(power == 0), abs=1e-9)


def test_slower_frame_rates_reach_over_fewer_frames() -> None:
    reaches = [Reach.at(fps) for fps in (5, 12, 25, 60, 120)]
    assert all(one.long <= other.long and one.short <= other.short for one, other in pairwise(reaches))
    assert reaches[0] == Reach(1, 1)
