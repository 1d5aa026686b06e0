from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from facefusion_cli.core.faces import topology as facts
from facefusion_cli.core.faces.topology import topology


def test_triangles_share_one_orientation() -> None:
    triangles = topology().triangles
    assert triangles.shape == (852, 3)
    assert triangles.max() == 467
    assert set(np.unique(triangles)) == set(range(468))
    edges = Counter((int(a), int(b)) for t in triangles for a, b in ((t[0], t[1]), (t[1], t[2]), (t[2], t[0])))
    assert max(edges.values()) == 1  # an edge is run through at most once in each direction


def test_flip_is_an_involution_with_the_known_pairs() -> None:
    flip = topology().flip
    assert flip.shape == (478,)
    assert (flip[flip] == np.arange(478)).all()
    assert flip[33] == 263
    assert flip[61] == 291
    assert flip[234] == 454
    assert flip[4] == 4
    assert flip[468] == 473


@pytest.mark.parametrize(
    ("one", "other"),
    [(facts.LEFT_EYE, facts.RIGHT_EYE), (facts.LEFT_BROW, facts.RIGHT_BROW)],
)
def test_left_and_right_rings_are_mirror_images(one: tuple[int, ...], other: tuple[int, ...]) -> None:
    assert topology().flip[list(one)].tolist() == list(other)


def test_irises_are_mirror_images() -> None:
    assert set(topology().flip[list(facts.LEFT_IRIS)].tolist()) == set(facts.RIGHT_IRIS)


@pytest.mark.parametrize("ring", [facts.OVAL, facts.OUTER_LIPS, facts.INNER_LIPS])
def test_rings_on_the_middle_line_mirror_onto_themselves(ring: tuple[int, ...]) -> None:
    assert set(topology().flip[list(ring)].tolist()) == set(ring)


@pytest.mark.parametrize(
    "ring",
    [facts.OVAL, facts.OUTER_LIPS, facts.INNER_LIPS, facts.LEFT_EYE, facts.RIGHT_EYE],
)
def test_neighbours_in_a_ring_share_an_edge_of_the_mesh(ring: tuple[int, ...]) -> None:
    edges = {
        frozenset((int(a), int(b))) for t in topology().triangles for a, b in ((t[0], t[1]), (t[1], t[2]), (t[2], t[0]))
    }
    assert all(frozenset(pair) in edges for pair in zip(ring, (*ring[1:], ring[0]), strict=True))


def test_tables_cannot_be_written_by_accident() -> None:
    with pytest.raises(ValueError, match="read-only"):
        topology().flip[0] = 1
