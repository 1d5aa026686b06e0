"""The five points told from a mesh."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facefusion_cli.core.faces.alignment import arcface_matrix
from facefusion_cli.core.faces.face import Face
from facefusion_cli.core.faces.five_points import points_of_mesh

MESH = np.load(Path(__file__).parents[1] / "data" / "face_mesh_478.npz")["astronaut"][0].astype(np.float32)


def test_they_are_near_the_meshs_own_and_in_the_same_order() -> None:
    apart = np.linalg.norm(points_of_mesh(MESH) - Face(MESH, 1.0).points, axis=1) / Face(MESH, 1.0).size
    assert apart.max() < 0.05
    assert apart.min() > 0


def test_they_move_with_the_face() -> None:
    turn = np.array([[0.5, -1.7], [1.7, 0.5]])
    moved = MESH.copy()
    moved[:, :2] = MESH[:, :2] @ turn.T + [40, 7]
    assert points_of_mesh(moved) == pytest.approx(points_of_mesh(MESH) @ turn.T + [40, 7], abs=1e-2)


def test_scrfds_eyes_are_above_and_outside_the_lids_middles() -> None:
    points = points_of_mesh(MESH)
    lids = np.stack(
        [MESH[[33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7], :2].mean(axis=0)]
    )
    linear = arcface_matrix(points)[:, :2]
    x, y = (points[0] - lids[0]) @ linear.T
    assert (x, y) == pytest.approx((-0.4, -0.7), abs=0.1)
