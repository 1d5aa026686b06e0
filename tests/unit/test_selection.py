from __future__ import annotations

import numpy as np
import pytest

from facefusion_cli.core.faces.face import Face
from facefusion_cli.core.faces.selection import FaceSelection, parse_selection, select_faces
from facefusion_cli.errors import FaceIndexError, FaceTooSmallError, NoFaceError, UsageError


def face(size: float, x: float = 0.0) -> Face:
    mesh = np.zeros((478, 3), np.float32)
    mesh[454, 0] = size  # half of this
    mesh[263, 0] = size * 2 / 3  # and three quarters of that
    mesh[:, 0] += x
    return Face(mesh, 1.0)


SMALL, MIDDLE, LARGE = face(20.5), face(60, 100), face(90, 300)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("largest", FaceSelection("largest")),
        (" Left ", FaceSelection("left")),
        ("right", FaceSelection("right")),
        ("all", FaceSelection("all")),
        ("2", FaceSelection("indices", (2,))),
        ("0,2", FaceSelection("indices", (0, 2))),
        ("2, 0,2", FaceSelection("indices", (2, 0))),
    ],
)
def test_what_can_be_chosen(text: str, expected: FaceSelection) -> None:
    assert parse_selection(text, name="face", several=True) == expected


@pytest.mark.parametrize("text", ["", "biggest", "-1", "1.0", "0,", "0;1", "²", "all,0", "0,left", "9" * 5000])
def test_anything_else_is_a_usage_error_that_names_the_choice(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_selection(text, name="face", several=True)
    assert caught.value.message == f'"{text}" is no choice of face.'
    assert caught.value.hint.startswith("face takes largest, left, right, all, an index")


@pytest.mark.parametrize("text", ["all", "0,1"])
def test_several_faces_only_where_they_make_sense(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_selection(text, name="source_face", several=False)
    assert caught.value.hint.startswith("source_face takes largest, left, right or an index;")


@pytest.mark.parametrize(
    ("rule", "expected"),
    [("largest", [2]), ("right", [2]), ("all", [1, 2]), ("1", [1]), ("2,1", [2, 1])],
)
def test_faces_chosen(rule: str, expected: list[int]) -> None:
    selection = parse_selection(rule, name="face", several=True)
    faces = [SMALL, MIDDLE, LARGE]
    chosen = select_faces(faces, selection, name='"a.jpg"')
    assert [index for index, _ in chosen] == expected
    assert all(one is faces[index] for index, one in chosen)


def test_left_is_the_first() -> None:
    assert select_faces([LARGE, SMALL], FaceSelection("left"), name='"a.jpg"') == [(0, LARGE)]


def test_the_first_of_equally_large_faces_is_the_largest() -> None:
    assert select_faces([SMALL, MIDDLE, face(60, 500)], FaceSelection("largest"), name='"a.jpg"') == [(1, MIDDLE)]


def test_no_face() -> None:
    with pytest.raises(NoFaceError, match=r'^no face was found in "a\.jpg"\.$') as caught:
        select_faces([], FaceSelection("largest"), name='"a.jpg"')
    assert caught.value.exit_code == 3
    assert caught.value.hint


@pytest.mark.parametrize(("count", "words"), [(1, "one face"), (3, "3 faces")])
def test_index_out_of_range_says_how_many_there_are(count: int, words: str) -> None:
    with pytest.raises(FaceIndexError, match=rf'^there is no face 7 in "a\.jpg", which has {words}\.$'):
        select_faces([LARGE] * count, FaceSelection("indices", (0, 7)), name='"a.jpg"')


@pytest.mark.parametrize(
    ("faces", "rule", "words"),
    [
        ([SMALL], "largest", "the face in the target is only 20 pixels"),
        ([face(23.9)], "largest", "the face in the target is only 23 pixels wide, 24 are needed"),
        ([SMALL], "all", "the face in the target is only 20 pixels"),
        ([face(10), SMALL], "all", "the largest face in the target is only 20 pixels"),
        ([SMALL, MIDDLE], "left", "face 0 in the target is only 20 pixels"),
        ([MIDDLE, SMALL], "0,1", "face 1 in the target is only 20 pixels"),
    ],
)
def test_faces_too_small(faces: list[Face], rule: str, words: str) -> None:
    with pytest.raises(FaceTooSmallError, match=words):
        select_faces(faces, parse_selection(rule, name="face", several=True), name="the target")
