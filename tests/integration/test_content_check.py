"""The content check in whole runs: what is refused, what others notice of it, and what passes."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from scipy.io import wavfile

from facefusion_cli import swap_faces
from facefusion_cli.cli import main
from facefusion_cli.core.content import explicit, sampling
from facefusion_cli.core.content.explicit import LIMIT, explicitness
from facefusion_cli.errors import ContentRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    Clip = Callable[..., Path]

MESH = ("--engine", "mesh", "-q")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, astronaut: Path, hopper: Path, clip: Clip) -> Path:
    """The current folder: a.png and b.jpg are portraits, c.png is a.png in red, red.mp4 3.2 s of it at 5 frames."""
    folder = tmp_path / "place"
    folder.mkdir()
    shutil.copy(astronaut, folder / "a.png")
    shutil.copy(hopper, folder / "b.jpg")
    red = np.asarray(cv2.imread(str(astronaut)), np.uint8).copy()
    red[..., :2] //= 2
    cv2.imwrite(str(folder / "c.png"), red)
    shutil.copy(clip(pictures=[red[:, ::2][::2]] * 16, fps="5"), folder / "red.mp4")
    wavfile.write(folder / "hum.wav", 16000, np.zeros(8000, np.int16))
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def prudish(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A check that refuses what is red; the marks it gave."""
    marks: list[float] = []

    def reddish(picture: NDArray[np.uint8]) -> float:
        blue, green, red = picture.reshape(-1, 3).mean(axis=0)
        marks.append(1.0 if red > 1.6 * max(blue, green) else 0.0)
        return marks[-1]

    for module in (explicit, sampling):
        monkeypatch.setattr(module, "explicitness", reddish)
    return marks


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_picture_is_refused_with_one_sentence(
    place: Path, prudish: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    before = names(place)
    assert main(["faceswap", "b.jpg", "c.png", *MESH, "--json"]) == 6
    told = capsys.readouterr()
    assert json.loads(told.out)["error"]["code"] == "content-refused"
    assert told.err.startswith('error: "c.png" seems to show pornography, which facefusion does not work on.')
    assert told.err.count("\n") == 1
    assert names(place) == before


def test_of_several_the_others_are_done(place: Path, prudish: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["faceswap", "b.jpg", "c.png", "a.png", "-o", "out/", *MESH]) == 1
    told = capsys.readouterr()
    assert names(place / "out")[-1] == "a.png"
    assert 'error: 1 of 2 files failed: "c.png".' in told.err
    assert prudish == [1.0, 0.0]


def test_a_video_is_refused_and_leaves_nothing(
    place: Path, prudish: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    before = names(place)
    assert main(["faceswap", "b.jpg", "red.mp4", *MESH]) == 6
    assert '"red.mp4" seems to show pornography, at 0.0 s and at 1.0 s, which' in capsys.readouterr().err
    assert names(place) == before
    assert prudish == [1.0, 1.0]


@pytest.mark.parametrize(("target", "when"), [("c.png", ""), ("red.mp4", ", at 0.0 s and at 1.0 s")])
def test_so_is_what_is_to_speak(
    place: Path, prudish: list[float], capsys: pytest.CaptureFixture[str], target: str, when: str
) -> None:
    before = names(place)
    words = ["lipsync", target, "hum.wav", "-o", "out.mp4", "--fit", "longest", "--engine", "mouth", "-q"]
    assert main(words) == 6
    assert f'"{target}" seems to show pornography{when}, which' in capsys.readouterr().err
    assert names(place) == before


def test_a_source_is_not_judged_and_arrays_are(place: Path, prudish: list[float]) -> None:
    assert swap_faces("c.png", "a.png", engine="mesh").image is not None
    red = np.asarray(cv2.imread("c.png"), np.uint8)
    with pytest.raises(ContentRefusedError, match="the target picture seems"):
        swap_faces("a.png", red, engine="mesh")


def test_portraits_are_far_from_the_limit(astronaut: Path, hopper: Path) -> None:
    for path in (astronaut, hopper):
        assert explicitness(np.asarray(cv2.imread(str(path)), np.uint8)) < LIMIT / 10


def test_bare_shoulders_pass(group: Path) -> None:
    """Cuts at which the network is sure when it looks once only."""
    picture = np.asarray(cv2.imread(str(group)), np.uint8)
    assert explicitness(picture) < LIMIT / 2
    cut = np.ascontiguousarray(picture[196:713, :338])
    assert explicit._answer(explicit._middle(explicit._square(cut), 224)) > LIMIT
    assert explicitness(cut) < LIMIT
