"""The Wav2Lip engine with networks that are easy to see through, on a real face."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from facefusion_cli.core.faces.face import Face
from facefusion_cli.core.lipsync.engine import Speech, SpeechTask, SyncSettings
from facefusion_cli.core.lipsync.options import Pads
from facefusion_cli.core.lipsync.wav2lip.boxes import box_of_mesh
from facefusion_cli.core.lipsync.wav2lip.crops import cut
from facefusion_cli.core.lipsync.wav2lip.engine import Wav2Lip
from facefusion_cli.core.media.composite import paste_into

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from facefusion_cli.core.media.patch import Patch

MESH = np.load(Path(__file__).parents[1] / "data" / "face_mesh_478.npz")["astronaut"][0].astype(np.float32)
SETTINGS = SyncSettings(Pads())
BATCH = 16


class Network:
    """Draws what ``draw`` makes of the whole face and the mel, and keeps what it was given."""

    def __init__(self, draw: Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]) -> None:
        self.draw = draw
        self.seen: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []

    def run(self, mel: NDArray[np.float32], faces: NDArray[np.float32]) -> NDArray[np.float32]:
        assert mel.shape == (BATCH, 1, 80, 16)
        assert faces.shape == (BATCH, 6, 96, 96)
        assert mel.dtype == faces.dtype == np.float32
        self.seen.append((mel.copy(), faces.copy()))
        return np.stack([self.draw(face[3:], one) for face, one in zip(faces, mel, strict=True)])


def unchanged(face: NDArray[np.float32], mel: NDArray[np.float32]) -> NDArray[np.float32]:
    return face


def shaded(face: NDArray[np.float32], mel: NDArray[np.float32]) -> NDArray[np.float32]:
    """A dark bar where the mouth is, the darker the higher the mel."""
    drawn = face.copy()
    drawn[:, 62:78, 35:61] *= np.float32(0.5 - mel.mean() / 16)
    return drawn


@pytest.fixture(scope="module")
def portrait(astronaut: Path) -> NDArray[np.uint8]:
    picture = np.asarray(cv2.imread(str(astronaut)), np.uint8)
    picture.setflags(write=False)
    return picture


def heard(level: float = 0.0, silence: float = 0.0) -> Speech:
    return Speech(np.full((80, 16), level, np.float32), opening=0.2, spread=0.0, silence=silence)


def task(portrait: NDArray[np.uint8], level: float = 0.0, silence: float = 0.0, dx: int = 0, dy: int = 0) -> SpeechTask:
    """The portrait, moved over the frame's edge by (dx, dy)."""
    mesh = MESH + np.array([dx, dy, 0], np.float32)
    matrix = np.array([[1, 0, dx], [0, 1, dy]], np.float64)
    moved = np.asarray(cv2.warpAffine(portrait, matrix, portrait.shape[1::-1]), np.uint8) if dx or dy else portrait
    return SpeechTask(moved, Face(mesh, 1.0), heard(level, silence))


def pasted(one: SpeechTask, patches: Sequence[Patch]) -> NDArray[np.uint8]:
    frame = one.picture.copy()
    paste_into(frame, patches)
    return frame


def same(one: Sequence[Patch], other: Sequence[Patch]) -> bool:
    return len(one) == len(other) and all(
        (a.x, a.y) == (b.x, b.y) and np.array_equal(a.colour, b.colour) and np.array_equal(a.alpha, b.alpha)
        for a, b in zip(one, other, strict=True)
    )


def test_the_network_gets_the_face_and_the_sound(portrait: NDArray[np.uint8]) -> None:
    network = Network(unchanged)
    Wav2Lip("wav2lip", network, SETTINGS).speak([None, task(portrait, 1.5)])
    ((mel, faces),) = network.seen
    crop = cut(portrait, box_of_mesh(MESH, Pads()))
    assert (mel[1] == 1.5).all()
    assert np.array_equal(np.rint(faces[1, 3:] * 255).astype(np.uint8), crop.transpose(2, 0, 1))
    assert not faces[1, :3, 48:].any()
    assert not mel[[0, *range(2, BATCH)]].any()
    assert not faces[[0, *range(2, BATCH)]].any()


def test_the_face_speaks_and_nothing_above_the_nose_changes(portrait: NDArray[np.uint8]) -> None:
    one = task(portrait)
    (patches,) = Wav2Lip("wav2lip", Network(shaded), SETTINGS).speak([one])
    out = pasted(one, patches)
    changed = np.argwhere((out != portrait).any(axis=2))
    tilt = np.tan(np.radians(one.face.roll))
    assert (changed[:, 0] > MESH[2, 1] + (changed[:, 1] - MESH[2, 0]) * tilt).all()
    x, y = np.rint((MESH[13, :2] + MESH[14, :2]) / 2).astype(int)
    assert int(portrait[y, x].sum()) - int(out[y, x].sum()) > 100


def test_what_a_face_gets_depends_on_nothing_else(portrait: NDArray[np.uint8]) -> None:
    engine = Wav2Lip("wav2lip", Network(shaded), SETTINGS)
    tasks = [task(portrait, level, silence) for level, silence in ((0, 0), (2, 0.3), (-2, 0), (1, 1))]
    full = engine.speak([*tasks, None, *reversed(tasks)])
    assert full[4] == ()
    for place, one in enumerate(tasks):
        alone = engine.speak([*[None] * place, one])
        assert alone[:place] == [()] * place
        assert same(alone[place], full[place])
        assert same(full[-1 - place], full[place])


def test_more_than_a_batch_is_refused(portrait: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="17 tasks"):
        Wav2Lip("wav2lip", Network(unchanged), SETTINGS).speak([task(portrait)] * 17)


def test_nobody_to_speak_and_the_network_is_not_asked(portrait: NDArray[np.uint8]) -> None:
    network = Network(unchanged)
    engine = Wav2Lip("wav2lip", network, SETTINGS)
    assert engine.speak([]) == []
    assert engine.speak([None, None]) == [(), ()]
    (patches,) = engine.speak([task(portrait, silence=1.0)])
    assert network.seen == []
    assert len(patches) == 1


def test_where_nobody_speaks_the_mouth_closes_by_degrees(portrait: NDArray[np.uint8]) -> None:
    network = Network(shaded)
    engine = Wav2Lip("wav2lip", network, SETTINGS)
    levels = 0.0, 0.25, 0.75, 1.0
    tasks = [task(portrait, silence=silence) for silence in levels]
    answers = engine.speak(tasks)
    assert [len(patches) for patches in answers] == [1, 2, 2, 1]
    ((_, faces),) = network.seen
    assert not faces[3].any()
    # The network sees the mouth as closed as it will be, and its own picture fades.
    teeth = [float(face[3:, 66:70, 40:56].mean()) for face in faces[:3]]
    assert teeth[0] > teeth[1] > teeth[2]
    shares = [float(patches[-1].alpha.max()) for patches in answers[:3]]
    assert shares == pytest.approx([1, 0.75, 0.25], abs=0.01)
    # Between both ends there is no jump.
    x, y = np.rint((MESH[13, :2] + MESH[14, :2]) / 2).astype(int)
    seen = [pasted(one, patches)[y - 4 : y + 5, x - 8 : x + 9] for one, patches in zip(tasks, answers, strict=True)]
    whole = np.abs(seen[3].astype(float) - seen[0]).mean()
    assert whole > 10
    assert max(np.abs(b.astype(float) - a).mean() for a, b in pairwise(seen)) < 0.9 * whole


def test_b32_faces_that_are_too_small_or_beyond_the_picture_are_left_alone(portrait: NDArray[np.uint8]) -> None:
    network = Network(shaded)
    engine = Wav2Lip("wav2lip", network, SETTINGS)
    small = replace(task(portrait), face=Face(MESH * np.float32(0.2), 1.0))
    gone = task(portrait, dx=-240)
    assert engine.speak([small, gone, replace(gone, speech=heard(silence=1.0))]) == [(), (), ()]
    assert network.seen == []
    assert [engine.left_alone(one.face, one.picture.shape) for one in (small, gone, task(portrait))] == [
        "the face is too small",
        "most of the face is beyond the picture",
        "",
    ]


def test_a_face_cut_by_the_frame_speaks_within_it(portrait: NDArray[np.uint8]) -> None:
    engine = Wav2Lip("wav2lip", Network(shaded), SETTINGS)
    for one in (task(portrait, dx=-215), task(portrait, dx=270), task(portrait, dy=350), task(portrait, 0, 0.5, -215)):
        (patches,) = engine.speak([one])
        assert patches
        assert (pasted(one, patches) != one.picture).any()


def test_pads_are_the_users(portrait: NDArray[np.uint8]) -> None:
    plain, padded = Network(unchanged), Network(unchanged)
    pads = Pads(top=0.1, bottom=0.2, left=0.05, right=0.05)
    Wav2Lip("wav2lip", plain, SETTINGS).speak([task(portrait)])
    Wav2Lip("wav2lip-gan", padded, SyncSettings(pads)).speak([task(portrait)])
    crop = cut(portrait, box_of_mesh(MESH, pads))
    assert np.array_equal(np.rint(padded.seen[0][1][0, 3:] * 255).astype(np.uint8), crop.transpose(2, 0, 1))
    assert not np.array_equal(plain.seen[0][1], padded.seen[0][1])


def test_where_the_mouth_is_not_to_be_closed_the_network_goes_on(portrait: NDArray[np.uint8]) -> None:
    going_on = Wav2Lip("wav2lip", Network(shaded), SyncSettings(Pads(), close_mouth=False))
    ((patch,),) = going_on.speak([task(portrait, silence=1.0)])
    ((expected,),) = Wav2Lip("wav2lip", Network(shaded), SETTINGS).speak([task(portrait)])
    assert same([patch], [expected])
