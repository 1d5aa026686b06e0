"""The closed surface of the mesh, and maps made with it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from facefusion_cli.core.faces.surface import closed_triangles, vertex_normals, with_ring
from facefusion_cli.core.faces.warp import paint_triangles, sample, spread

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


@pytest.fixture(scope="module")
def mesh(request: pytest.FixtureRequest) -> NDArray[np.float32]:
    """(478, 3) of the astronaut, in pixels of the 512 px picture."""
    data: Path = request.path.parents[1] / "data" / "face_mesh_478.npz"
    with np.load(data) as meshes:
        astronaut: NDArray[np.float32] = meshes["astronaut"][0]
    return astronaut


def test_the_surface_is_closed(mesh: NDArray[np.float32]) -> None:
    triangles = closed_triangles()
    assert triangles.shape == (970, 3)
    pairs = [pair for t in triangles.tolist() for pair in ((t[0], t[1]), (t[1], t[2]), (t[2], t[0]))]
    edges = Counter((min(pair), max(pair)) for pair in pairs)
    rim = {edge for edge, count in edges.items() if count == 1}
    # Only the ring's outer edge is open.
    assert all(min(edge) >= 478 for edge in rim)
    assert len(rim) == 36
    assert max(edges.values()) == 2


def test_normals_of_a_frontal_face_point_at_the_viewer(mesh: NDArray[np.float32]) -> None:
    normals = vertex_normals(mesh)
    assert np.allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-4)
    assert np.mean(normals[:, 2] > 0) > 0.9
    nose_bridge, ear_right, ear_left = normals[6], normals[234], normals[454]
    assert nose_bridge[2] > 0.7
    assert ear_right[0] < -0.5 < 0.5 < ear_left[0]


def test_normals_turn_with_the_head(mesh: NDArray[np.float32]) -> None:
    angle = np.radians(50)
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]], np.float32)
    cheeks = [50, 280]
    straight, turned = vertex_normals(mesh)[cheeks, 2], vertex_normals(mesh @ turn.T)[cheeks, 2]
    one, other = turned - straight
    assert one * other < 0
    assert max(abs(one), abs(other)) > 0.3


def test_the_ring_surrounds_the_oval(mesh: NDArray[np.float32]) -> None:
    ringed = with_ring(mesh, 1.18)
    assert ringed.shape == (514, 3)
    assert np.array_equal(ringed[:478], mesh)
    hull = cv2.convexHull(ringed[478:, :2].copy())
    assert all(cv2.pointPolygonTest(hull, (float(x), float(y)), False) >= 0 for x, y, _ in mesh)


SQUARE = np.array([[1, 1], [30, 1], [30, 20], [1, 20]], np.float32)
HALVES = np.array([[0, 1, 2], [0, 2, 3]], np.int32)


def test_every_pixel_gets_a_triangle_the_nearest_where_none_covers_it() -> None:
    ids = paint_triangles(SQUARE, np.zeros(4, np.float32), HALVES, (40, 25))
    assert ids.shape == (25, 40)
    assert ids[3, 28] == 0
    assert ids[18, 4] == 1
    assert ids[3, 39] == 0
    assert ids[24, 2] == 1


def test_the_nearer_triangle_wins() -> None:
    points = np.concatenate([SQUARE, SQUARE])
    triangles = np.array([[0, 1, 2], [4, 5, 6]], np.int32)
    for near in (0, 1):
        depth = np.full(8, 5.0, np.float32)
        depth[4 * near : 4 * near + 4] = -5.0
        assert paint_triangles(points, depth, triangles, (40, 25))[3, 28] == near


def test_a_grid_without_any_triangle_in_it_is_no_error() -> None:
    ids = paint_triangles(SQUARE + 500, np.zeros(4, np.float32), HALVES, (8, 8))
    assert (ids == 0).all()


def test_an_affine_field_is_spread_exactly() -> None:
    matrix = np.array([[1.3, -0.2], [0.4, 0.7]], np.float32)
    values = SQUARE @ matrix.T + np.array([7, -3], np.float32)
    ids = paint_triangles(SQUARE, np.zeros(4, np.float32), HALVES, (40, 25))
    field = spread(ids, SQUARE, values, HALVES)
    y, x = np.mgrid[0:25, 0:40].astype(np.float32)
    expected = np.stack([x, y], axis=-1) @ matrix.T + np.array([7, -3], np.float32)
    assert np.abs(field - expected).max() < 1e-3


def test_a_triangle_seen_edge_on_takes_the_mean_of_its_corners() -> None:
    points = np.array([[2, 2], [6, 2], [10, 2]], np.float32)
    values = np.array([[1.0], [2.0], [6.0]], np.float32)
    triangles = np.array([[0, 1, 2]], np.int32)
    field = spread(np.zeros((5, 12), np.int32), points, values, triangles, smooth=0)
    assert np.isfinite(field).all()
    assert field[2, 6, 0] == pytest.approx(3.0, abs=0.01)


def test_a_picture_sampled_where_it_is_stays_as_it_is() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (20, 30, 3), np.uint8)
    y, x = np.mgrid[0:20, 0:30].astype(np.float32)
    assert np.array_equal(sample(picture, np.stack([x, y], axis=-1), cv2.INTER_CUBIC), picture)


def test_places_in_the_full_picture_find_their_pixels_in_a_reduced_one() -> None:
    y, x = np.mgrid[0:64, 0:96].astype(np.float32)
    picture = x + 2 * y
    reduced = cv2.resize(picture, (48, 16), interpolation=cv2.INTER_AREA)
    places = np.array([[[40.0, 30.0], [17.5, 20.5]]], np.float32)
    found = sample(reduced, places, cv2.INTER_LINEAR, np.array([0.5, 0.25], np.float32))
    assert found[0] == pytest.approx([100.0, 58.5], abs=0.01)
