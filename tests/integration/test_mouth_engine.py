"""The mouth engine on real faces: what moving a mouth must and must not do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from facefusion_cli.core.faces.analyser import FaceAnalyser
from facefusion_cli.core.faces.face import MINIMUM_SIZE, Face
from facefusion_cli.core.faces.mesh import FaceMesh
from facefusion_cli.core.faces.tools import Tools
from facefusion_cli.core.faces.topology import INNER_LIPS
from facefusion_cli.core.lipsync.engine import ENGINES, LipSyncer, Speech, SpeechTask, SyncSettings
from facefusion_cli.core.lipsync.mouth.engine import MouthWarper
from facefusion_cli.core.lipsync.mouth.shape import GAP, Mouth
from facefusion_cli.core.lipsync.mouth.warp import move_mouth
from facefusion_cli.core.lipsync.options import Pads
from facefusion_cli.core.media.composite import paste_into
from facefusion_cli.core.media.images import read_picture
from facefusion_cli.core.weights.provision import Provision

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from facefusion_cli.core.media.patch import Patch

Portrait = tuple[np.ndarray, Face]
SETTINGS = SyncSettings(Pads())
MEL = np.zeros((80, 16), np.float32)


def portrait(path: Path) -> Portrait:
    picture = read_picture(path).bgr
    (face,) = FaceAnalyser().find(picture)
    return picture, face


@pytest.fixture(scope="module")
def collins(astronaut: Path) -> Portrait:
    """Smiling, her teeth can be seen."""
    return portrait(astronaut)


@pytest.fixture(scope="module")
def admiral(hopper: Path) -> Portrait:
    """With glasses, lips closed."""
    return portrait(hopper)


@pytest.fixture(scope="module")
def mesh_network() -> FaceMesh:
    return FaceMesh()


def task(who: Portrait, opening: float, spread: float = 0.0, silence: float = 0.0) -> SpeechTask:
    return SpeechTask(who[0], who[1], Speech(MEL, opening, spread, silence))


def spoken(who: Portrait, opening: float, spread: float = 0.0, silence: float = 0.0) -> NDArray[np.uint8]:
    """The picture afterwards."""
    (patches,) = MouthWarper(SETTINGS).speak([task(who, opening, spread, silence)])
    return pasted(who, patches)


def pasted(who: Portrait, patches: tuple[Patch, ...]) -> NDArray[np.uint8]:
    picture: NDArray[np.uint8] = who[0].copy()
    paste_into(picture, patches)
    return picture


def opening_seen(network: FaceMesh, who: Portrait, picture: NDArray[np.uint8]) -> float:
    """How far the mouth is open, as the mesh network sees it, by the width that it had."""
    now, before = Mouth.of(network.settle(picture, who[1].mesh)), Mouth.of(who[1].mesh)
    return now.gap * now.width / before.width / GAP


def person(request: pytest.FixtureRequest, who: str) -> Portrait:
    found: Portrait = request.getfixturevalue(who)
    return found


def test_it_can_be_had_by_name() -> None:
    (entry,) = (entry for entry in ENGINES if entry.name == "mouth")
    engine: LipSyncer = entry.create(SETTINGS, Tools(Provision()))
    assert isinstance(engine, MouthWarper)
    assert (engine.name, engine.notes) == ("mouth", ())


@pytest.mark.parametrize("who", ["collins", "admiral"])
def test_the_mouth_opens_as_far_as_it_is_told(who: str, request: pytest.FixtureRequest, mesh_network: FaceMesh) -> None:
    face = person(request, who)
    seen = [opening_seen(mesh_network, face, spoken(face, opening)) for opening in (0.0, 0.1, 0.2, 0.3, 0.4)]
    assert seen[0] < 0.03
    assert np.diff(seen).min() > 0.02
    assert np.abs(np.array(seen) - (0.0, 0.1, 0.2, 0.3, 0.4)).max() < 0.09


@pytest.mark.parametrize("who", ["collins", "admiral"])
def test_it_rounds_and_spreads(who: str, request: pytest.FixtureRequest, mesh_network: FaceMesh) -> None:
    face = person(request, who)
    widths = []
    for spread in (-1.0, 0.0, 1.0):
        mouth = Mouth.of(mesh_network.settle(spoken(face, 0.2, spread), face[1].mesh))
        widths.append(mouth.width / Mouth.of(face[1].mesh).width)
    assert widths[0] < 0.93 < widths[1] < 1.05 < widths[2] < 1.25


def test_silence_closes_the_mouth(collins: Portrait, mesh_network: FaceMesh) -> None:
    seen = [opening_seen(mesh_network, collins, spoken(collins, 0.4, 0.0, silence)) for silence in (0.0, 0.5, 1.0)]
    assert seen[0] > 0.3 > seen[1] > 0.15
    assert seen[2] < 0.03
    assert np.array_equal(spoken(collins, 0.4, 1.0, 1.0), spoken(collins, 0.0))


def test_a_closed_smile_shows_no_teeth(collins: Portrait) -> None:
    mesh = collins[1].mesh
    x, y = (int(value) for value in (mesh[13, :2] + mesh[14, :2]) / 2)
    strip = slice(y - 8, y + 9), slice(x - 10, x + 11)
    before, after = collins[0][strip].astype(float), spoken(collins, 0.0)[strip].astype(float)

    def whitest(part: NDArray[np.float64]) -> float:
        return float(np.percentile(part.min(axis=2), 90))

    assert whitest(before) > 190
    assert whitest(after) < whitest(before) - 10
    # Nor a dark slit.
    assert after.min(axis=2).min() > 60


def test_own_teeth_stay_where_they_are(collins: Portrait) -> None:
    mesh = collins[1].mesh
    x, y = (int(value) for value in mesh[13, :2])
    teeth = slice(y + 2, y + 5), slice(x - 8, x + 9)
    opened = spoken(collins, 0.35)
    # The upper lip goes up by less than a pixel.
    assert np.abs(opened[teeth].astype(float) - collins[0][teeth]).mean() < 14
    below = slice(y + 9, y + 10), slice(x - 4, x + 5)
    # It is red and dark where the lower lip was.
    assert opened[below][..., 1].max() < 90 < 120 < collins[0][below][..., 1].min()


@pytest.mark.parametrize("who", ["collins", "admiral"])
@pytest.mark.parametrize(("opening", "spread"), [(0.5, 1.0), (0.0, -1.0), (0.3, 0.0)])
def test_from_the_tip_of_the_nose_up_all_stays_bit_for_bit(
    who: str, opening: float, spread: float, request: pytest.FixtureRequest
) -> None:
    picture, face = person(request, who)
    after = spoken((picture, face), opening, spread)
    mouth = Mouth.of(face.mesh)
    height, width = picture.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    above = mouth.along_grid(x, y)[..., 1] <= mouth.along(face.mesh[4, :2])[1]
    assert above.sum() > 1000
    assert np.array_equal(after[above], picture[above])
    assert not np.array_equal(after, picture)
    # Nor anything at the picture's edge.
    assert np.array_equal(after[:, :4], picture[:, :4])
    assert np.array_equal(after[-4:], picture[-4:])


@pytest.mark.parametrize("who", ["collins", "admiral"])
def test_the_patch_fades_into_the_picture(who: str, request: pytest.FixtureRequest) -> None:
    picture, face = person(request, who)
    patch = move_mouth(picture, face, 0.4, 0.0, 1.0)
    assert patch is not None
    part = picture[patch.y : patch.y + patch.alpha.shape[0], patch.x : patch.x + patch.alpha.shape[1]]
    for edge in (patch.alpha[0], patch.alpha[-1], patch.alpha[:, 0], patch.alpha[:, -1]):
        assert not edge.any()
    # Where it begins to show it is the picture, moved by a fraction of a pixel.
    beginning = (patch.alpha > 0) & (patch.alpha < 0.3)
    assert beginning.sum() > 50
    assert np.abs(patch.colour.astype(float) - part)[beginning].mean() < 3


def test_nothing_changes_without_weight_or_motion(admiral: Portrait) -> None:
    assert move_mouth(*admiral, 0.4, 0.5, 0.0) is None
    assert move_mouth(*admiral, 0.0, 0.0, 1.0) is None


def test_weight_goes_from_the_faces_own_mouth(collins: Portrait, mesh_network: FaceMesh) -> None:
    seen = []
    for weight in (0.02, 0.5, 1.0):
        patch = move_mouth(*collins, 0.0, 0.0, weight)
        assert patch is not None
        seen.append(opening_seen(mesh_network, collins, pasted(collins, (patch,))))
    assert seen[0] == pytest.approx(Mouth.of(collins[1].mesh).gap / GAP, abs=0.05)
    assert seen[0] > seen[1] + 0.05 > seen[2] + 0.1


@pytest.mark.parametrize("who", ["collins", "admiral"])
@pytest.mark.parametrize("opening", [0.0, 0.03, 0.08, 0.15, 0.22, 0.35, 0.5])
def test_a_little_more_changes_a_little(who: str, opening: float, request: pytest.FixtureRequest) -> None:
    face = person(request, who)
    one, other = (cv2.GaussianBlur(spoken(face, opening + more), (0, 0), 1.0) for more in (0.0, 0.004))
    assert np.abs(one.astype(float) - other).max() < 16


@pytest.mark.parametrize("openness", [0.02, 0.05, 0.08, 0.12])
def test_a_mouth_that_moves_by_itself_does_not_jump(openness: float, collins: Portrait) -> None:
    shown = []
    for change in (-0.001, 0.001):
        mesh = collins[1].mesh.copy()
        mouth = Mouth.of(mesh)
        half = len(INNER_LIPS) // 2
        for upper, lower in zip(INNER_LIPS[1:half], INNER_LIPS[:half:-1], strict=True):
            middle = (mesh[upper] + mesh[lower]) / 2
            factor = (openness + change + 0.012) / (mouth.gap + 0.012)
            mesh[upper], mesh[lower] = (middle + factor * (mesh[point] - middle) for point in (upper, lower))
        shown.append(cv2.GaussianBlur(spoken((collins[0], replace(collins[1], mesh=mesh)), 0.3), (0, 0), 1.0))
    assert np.abs(shown[0].astype(float) - shown[1]).max() < 16


def test_each_task_is_its_own(collins: Portrait, admiral: Portrait) -> None:
    engine = MouthWarper(SETTINGS)
    together = engine.speak([task(collins, 0.3), None, task(admiral, 0.2, 0.5)])
    assert together[1] == ()
    before = collins[0].copy(), admiral[0].copy(), collins[1].mesh.copy()
    for patches, alone in ((together[0], task(collins, 0.3)), (together[2], task(admiral, 0.2, 0.5))):
        ((one,), (other,)) = patches, engine.speak([alone])[0]
        assert (one.x, one.y) == (other.x, other.y)
        assert np.array_equal(one.colour, other.colour)
        assert np.array_equal(one.alpha, other.alpha)
    assert np.array_equal(before[0], collins[0])
    assert np.array_equal(before[1], admiral[0])
    assert np.array_equal(before[2], collins[1].mesh)


def test_small_faces_and_those_in_profile_are_left_alone(collins: Portrait) -> None:
    picture, face = collins
    engine = MouthWarper(SETTINGS)
    for size, some in ((0.98, False), (1.1, True), (1.4, True)):
        factor = size * MINIMUM_SIZE / face.size
        small = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        patches = engine.speak([task((small, replace(face, mesh=face.mesh * np.float32(factor))), 0.4)])[0]
        assert bool(patches) == some
        left_alone = engine.left_alone(replace(face, mesh=face.mesh * np.float32(factor)), small.shape)
        assert left_alone == ("" if some else "the face is too small")
    angle = np.radians(65)
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]], np.float32)
    centre = face.mesh.mean(axis=0)
    profile = replace(face, mesh=((face.mesh - centre) @ turn.T + centre).astype(np.float32))
    assert engine.speak([task((picture, profile), 0.4)]) == [()]
    assert engine.left_alone(profile, picture.shape) == "the face is seen from the side"


@pytest.mark.parametrize("cut", ["left", "below", "right"])
def test_a_face_at_the_pictures_edge(cut: str, collins: Portrait) -> None:
    picture, face = collins
    x, y = (int(value) for value in face.mesh[14, :2])
    shift = {"left": x, "below": 0, "right": 0}[cut]
    part = np.ascontiguousarray({"left": picture[:, x:], "below": picture[: y + 6], "right": picture[:, :x]}[cut])
    moved = replace(face, mesh=face.mesh - np.array([shift, 0, 0], np.float32))
    whole, after = spoken(collins, 0.4), spoken((part, moved), 0.4)
    assert not np.array_equal(after, part)
    there = {"left": whole[:, x:], "below": whole[: y + 6], "right": whole[:, :x]}[cut]
    assert np.abs(cv2.GaussianBlur(after, (0, 0), 2).astype(float) - cv2.GaussianBlur(there, (0, 0), 2)).mean() < 2


@pytest.mark.parametrize("shift", [(-600, 0), (600, 0), (0, -600), (0, 600)])
def test_b32_a_face_beside_the_picture_gets_nothing(shift: tuple[int, int], collins: Portrait) -> None:
    away = replace(collins[1], mesh=collins[1].mesh + np.array([*shift, 0], np.float32))
    assert move_mouth(collins[0], away, 0.4, 0.0, 1.0) is None


def test_a_turned_picture_gives_the_turned_result(admiral: Portrait) -> None:
    picture, face = admiral
    x, y, z = face.mesh.T
    turned = replace(face, mesh=np.stack([picture.shape[0] - 1 - y, x, z], axis=1))
    after = spoken((cv2.rotate(picture, cv2.ROTATE_90_CLOCKWISE), turned), 0.35)
    upright = cv2.rotate(after, cv2.ROTATE_90_COUNTERCLOCKWISE)
    difference = np.abs(upright.astype(float) - spoken(admiral, 0.35))
    assert difference.mean() < 0.3
    assert cv2.GaussianBlur(difference, (0, 0), 2).max() < 25


def test_a_grey_picture_stays_grey(admiral: Portrait) -> None:
    grey = cv2.cvtColor(cv2.cvtColor(admiral[0], cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    after = spoken((grey, admiral[1]), 0.4)
    assert not np.array_equal(after, grey)
    assert np.ptp(after.astype(int), axis=2).max() <= 1


def test_a_dark_picture_gets_no_bright_teeth(admiral: Portrait) -> None:
    dark = (admiral[0] * 0.2).astype(np.uint8)
    mouth = np.zeros(dark.shape[:2], np.uint8)
    cv2.fillConvexPoly(mouth, cv2.convexHull(np.rint(admiral[1].mesh[list(INNER_LIPS), :2]).astype(np.int32)), 1)
    grown = cv2.dilate(mouth, np.ones((15, 15), np.uint8)) > 0
    after = spoken((dark, admiral[1]), 0.4)[grown]
    assert after.max() <= np.percentile(dark, 99.5) + 4


def test_where_the_mouth_is_not_to_be_closed_it_is_left_alone(collins: Portrait) -> None:
    leaving = MouthWarper(SyncSettings(Pads(), close_mouth=False))
    assert leaving.speak([task(collins, 0.3, silence=1.0)]) == [()]
    (speaking,) = leaving.speak([task(collins, 0.3)])
    assert np.array_equal(pasted(collins, speaking), spoken(collins, 0.3))


def test_a_mouth_beyond_the_picture_is_left_alone(collins: Portrait) -> None:
    picture, face = collins
    engine = MouthWarper(SETTINGS)
    assert engine.left_alone(face, picture.shape) == ""
    bottom = int(face.mesh[13, 1] - Mouth.of(face.mesh).width)
    assert engine.left_alone(face, picture[:bottom].shape) == "the mouth is beyond the picture"
