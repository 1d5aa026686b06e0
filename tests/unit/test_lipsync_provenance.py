"""What counts as another lip sync, and what does not; which pieces can be used again."""

from __future__ import annotations

import dataclasses
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from facefusion_cli.core.device import Device
from facefusion_cli.core.faces.selection import FaceSelection
from facefusion_cli.core.lipsync.options import LipSyncOptions, Pads
from facefusion_cli.core.lipsync.provenance import made_from, pieces_made_from
from facefusion_cli.core.media.video.encoders import EncodeOptions
from facefusion_cli.core.media.video.options import VideoOptions

CPU = Device("cpu", 0, "a processor", ("fp32",), False, False, 2)
OTHER_FILE = Path("other")

OF_PIECES: dict[str, Any] = {
    "reference": OTHER_FILE,
    "face": FaceSelection("left"),
    "fit": "video",
    "extend": "loop",
    "fps": Fraction(30),
    "sync_offset": 40,
    "mouth_strength": 0.5,
    "close_mouth": False,
    "pads": Pads(0.1),
    "chunk_seconds": Fraction(10),
    "precision": "fp32",
}
OF_THE_RESULT: dict[str, Any] = {
    "soundtrack": OTHER_FILE,
    "mix_original": 0.5,
    "keep_metadata": True,
    "require_face": True,
    "mark": False,
}
ELSEWHERE = {"engine", "device", "threads", "video"}
"""Options that count by what they lead to, and those below."""
VIDEO_OF_PIECES: dict[str, Any] = {
    "encode": EncodeOptions(crf=30),
    "start": Fraction(1),
    "duration": Fraction(1),
    "preview": Fraction(10),
}
VIDEO_OF_NOTHING: dict[str, Any] = {"resume": False, "strict": True}


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("video", "sound", "other"):
        Path(name).write_bytes(name.encode())


def made(
    options: LipSyncOptions | None = None, *, sound: str = "sound", engine: str = "wav2lip", device: Device | None = CPU
) -> dict[str, Any]:
    whole = made_from(Path("video"), Path(sound), options or LipSyncOptions(), engine, device)
    assert json.loads(json.dumps(whole)) == whole
    return whole


def test_every_option_is_accounted_for() -> None:
    names = {field.name for field in dataclasses.fields(LipSyncOptions)}
    assert names == OF_PIECES.keys() | OF_THE_RESULT.keys() | ELSEWHERE
    assert {field.name for field in dataclasses.fields(VideoOptions)} == {*VIDEO_OF_PIECES, *VIDEO_OF_NOTHING}


@pytest.mark.parametrize("name", OF_PIECES)
def test_what_pieces_depend_on(name: str) -> None:
    other = made(LipSyncOptions(**{name: OF_PIECES[name]}))
    assert pieces_made_from(other) != pieces_made_from(made())


@pytest.mark.parametrize("name", OF_THE_RESULT)
def test_what_only_the_result_depends_on(name: str) -> None:
    other = made(LipSyncOptions(**{name: OF_THE_RESULT[name]}))
    assert other != made()
    assert pieces_made_from(other) == pieces_made_from(made())


def test_which_part_of_the_video_and_how_encoded() -> None:
    for name, value in VIDEO_OF_PIECES.items():
        other = made(LipSyncOptions(video=VideoOptions(**{name: value})))
        assert pieces_made_from(other) != pieces_made_from(made()), name
    for name, value in VIDEO_OF_NOTHING.items():
        assert made(LipSyncOptions(video=VideoOptions(**{name: value}))) == made(), name


def test_files_engine_and_device() -> None:
    assert pieces_made_from(made(sound="other")) != pieces_made_from(made())
    assert pieces_made_from(made(engine="wav2lip-gan")) != pieces_made_from(made())
    threads = dataclasses.replace(CPU, threads=4)
    assert pieces_made_from(made(device=threads)) != pieces_made_from(made())
    # An engine without a network does not depend on it.
    fp32 = LipSyncOptions(precision="fp32")
    assert made(fp32, engine="mouth", device=None) == made(engine="mouth", device=None)
