"""Who gets whose face."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from facefusion_cli.core.faces.tracking.likeness import SAME_PERSON
from facefusion_cli.core.faces.tracking.tracks import Track
from facefusion_cli.core.faceswap.casting import Cast, Part

if TYPE_CHECKING:
    from numpy.typing import NDArray

ADA, BOB, NOBODY = np.eye(512, dtype=np.float32)[:3]


def like(person: NDArray[np.float32], cosine: float, aside: int = 9) -> NDArray[np.float32]:
    """An embedding of that likeness to ``person``."""
    mixed = cosine * person + np.sqrt(1 - cosine**2) * np.eye(512, dtype=np.float32)[aside]
    return np.asarray(mixed, np.float32)


def part(name: str, likeness: NDArray[np.float32] | None) -> Part:
    return Part(f"face for {name}", likeness, name, 100.0)


def track(number: int, embedding: NDArray[np.float32] | None) -> Track:
    return Track(number, 0, 0, 9, 10, 80.0, 100.0, embedding)


def test_without_references_everybody_has_the_only_part() -> None:
    cast = Cast([part("any", None)])
    assert not cast.by_likeness
    assert cast.part_of(None) is cast.parts[0]
    assert set(cast.parts_of([track(3, None), track(5, ADA)])) == {3, 5}


def test_each_person_has_her_own_and_strangers_none() -> None:
    cast = Cast([part("ada", ADA), part("bob", BOB)])
    assert cast.by_likeness
    assert [None if (found := cast.part_of(face)) is None else found.name for face in (BOB, ADA, NOBODY, None)] == [
        "bob",
        "ada",
        None,
        None,
    ]
    assert cast.part_of(like(ADA, SAME_PERSON + 0.01)) is cast.parts[0]
    assert cast.part_of(like(ADA, SAME_PERSON - 0.01)) is None


def test_the_likelier_of_two_persons_is_taken() -> None:
    between = np.asarray(0.6 * ADA + 0.7 * BOB, np.float32)
    found = Cast([part("ada", ADA), part("bob", BOB)]).part_of(between / np.float32(np.linalg.norm(between)))
    assert found is not None
    assert found.name == "bob"


def test_a_doubtful_track_keeps_the_part_of_one_that_is_sure_and_alike() -> None:
    cast = Cast([part("ada", ADA), part("bob", BOB)])
    sure, doubtful, other = like(ADA, 0.6), like(ADA, 0.3), like(ADA, 0.3, aside=11)
    assert float(sure @ doubtful) > 0.5
    assert float(sure @ other) < 0.5
    assert {n: one.name for n, one in cast.parts_of([track(0, doubtful), track(1, sure), track(2, other)]).items()} == {
        0: "ada",
        1: "ada",
    }
    assert cast.parts_of([track(0, doubtful)]) == {}


def test_a_track_without_embedding_is_nobody() -> None:
    assert Cast([part("ada", ADA)]).parts_of([track(0, None)]) == {}
