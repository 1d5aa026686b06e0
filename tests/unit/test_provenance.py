"""What counts as another result, and what does not."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from facefusion_cli.core.device import Device
from facefusion_cli.core.faces.selection import FaceSelection
from facefusion_cli.core.faceswap import provenance
from facefusion_cli.core.faceswap.engine import SwapSettings
from facefusion_cli.core.faceswap.job import SwapJob
from facefusion_cli.core.faceswap.options import SwapOptions
from facefusion_cli.core.faceswap.provenance import made_from, pieces_made_from
from facefusion_cli.core.media.outputs import plan_outputs
from facefusion_cli.core.media.video.encoders import EncodeOptions
from facefusion_cli.core.media.video.options import VideoOptions

if TYPE_CHECKING:
    from pathlib import Path

    from facefusion_cli.core.media.formats import Kind

PLAIN = SwapOptions()
CPU = Device("cpu", 0, "a processor", ("fp32",), False, False, 2)

OF_BOTH = {
    "face": SwapOptions(face=FaceSelection("all")),
    "source_face": SwapOptions(source_face=FaceSelection("left")),
    "settings": SwapOptions(settings=SwapSettings(strength=0.5)),
    "keep_metadata": SwapOptions(keep_metadata=True),
    "mark": SwapOptions(mark=False),
}
OF_PICTURES = {"image_quality": SwapOptions(image_quality=80)}
OF_VIDEOS = {
    "crf": SwapOptions(video=VideoOptions(EncodeOptions(crf=30))),
    "preset": SwapOptions(video=VideoOptions(EncodeOptions(preset="fast"))),
    "codec": SwapOptions(video=VideoOptions(EncodeOptions("hevc"))),
    "start": SwapOptions(video=VideoOptions(start=Fraction(1))),
    "duration": SwapOptions(video=VideoOptions(duration=Fraction(1))),
    "preview": SwapOptions(video=VideoOptions(preview=Fraction(10))),
}
OF_NEITHER = {
    "resume": SwapOptions(video=VideoOptions(resume=False)),
    "strict": SwapOptions(video=VideoOptions(strict=True)),
}


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "target"
    path.write_bytes(b"target")
    return path


@pytest.mark.parametrize("kind", ["picture", "video"])
def test_only_options_that_matter_count(target: Path, kind: Kind) -> None:
    def of(options: SwapOptions) -> str:
        return json.dumps(made_from(target, kind, target, options, "mesh", None))

    changing = {**OF_BOTH, **(OF_PICTURES if kind == "picture" else OF_VIDEOS)}
    everything = {**OF_BOTH, **OF_PICTURES, **OF_VIDEOS, **OF_NEITHER}
    assert {name for name, options in everything.items() if of(options) != of(PLAIN)} == changing.keys()


def test_what_only_joining_uses_leaves_pieces_as_they_are(target: Path) -> None:
    plain = made_from(target, "video", None, PLAIN, "mesh", None)
    kept = made_from(target, "video", None, SwapOptions(keep_metadata=True), "mesh", None)
    unmarked = made_from(target, "video", None, SwapOptions(mark=False), "mesh", None)
    assert kept != plain != unmarked
    assert pieces_made_from(plain) == pieces_made_from(kept) == pieces_made_from(unmarked)
    other = made_from(target, "video", None, OF_VIDEOS["crf"], "mesh", None)
    assert pieces_made_from(plain) != pieces_made_from(other)


def test_networks_depend_on_the_device_its_threads_and_the_precision(target: Path) -> None:
    def of(device: Device | None, options: SwapOptions = PLAIN) -> dict[str, Any]:
        return made_from(target, "picture", None, options, "inswapper", device)

    precise = SwapOptions(precision="fp32")
    found = [of(CPU), of(replace(CPU, threads=3)), of(replace(CPU, kind="cuda")), of(CPU, precise), of(None)]
    assert len({json.dumps(one) for one in found}) == 5
    assert of(None, precise) == of(None)


def test_a_video_depends_on_the_version_of_ffmpeg(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def of(kind: Kind) -> dict[str, Any]:
        return made_from(target, kind, None, PLAIN, "mesh", None)

    before = of("picture"), of("video")
    monkeypatch.setattr(provenance, "ffmpeg_version", lambda _program: "0.1")
    assert of("picture") == before[0]
    assert of("video") != before[1]
    assert of("video")["ffmpeg_version"] == "0.1"


def test_arrays_are_sources_of_their_own(target: Path) -> None:
    (output,) = plan_outputs([target], str(target.with_name("o.png")))

    def of(array: np.ndarray[Any, np.dtype[np.uint8]]) -> Any:
        return SwapJob(array, SwapOptions(engine="mesh")).would_be_made_from(output)["input"]["source"]

    one, other = np.zeros((8, 8, 3), np.uint8), np.ones((8, 8, 3), np.uint8)
    assert of(one) is not None
    assert of(one) == of(one.copy()) != of(other)
