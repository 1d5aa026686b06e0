"""Rows of docs/reliability.md on bad and odd inputs that no other test shows from end to end."""

from __future__ import annotations

import contextlib
import os
import shutil
import struct
import subprocess
import tracemalloc
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from facefusion_cli.cli import main
from facefusion_cli.core.faceswap.job import swap_faces
from facefusion_cli.core.lipsync.listening import listen
from facefusion_cli.core.media.audio.reader import VoiceReader
from facefusion_cli.core.media.images import read_picture
from facefusion_cli.core.media.segments import plan_segments
from facefusion_cli.core.media.video.encoders import EncodeOptions
from facefusion_cli.core.media.video.join import join
from facefusion_cli.core.media.video.layout import Bgr
from facefusion_cli.core.media.video.probe import probe
from facefusion_cli.core.media.video.reader import FrameReader
from facefusion_cli.core.media.video.writer import FrameWriter
from facefusion_cli.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.integration.conftest import Server

    Clip = Callable[..., Path]

MESH = ("--engine", "mesh")


def silence(path: Path, seconds: float) -> None:
    """Any length takes hardly any room on the disk."""
    size = 2 * round(seconds * 8000)
    form = struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
    head = b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt " + form + b"data" + struct.pack("<I", size)
    with path.open("wb") as file:
        file.write(head)
        file.truncate(len(head) + size)


@contextlib.contextmanager
def somebody_else() -> Iterator[None]:
    """Without the rights of root, who may read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(os.name != "posix", reason="files have other rights here")
def test_b05_a_file_that_may_not_be_read(place: Path, clip: Clip, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(clip(frames=3), "film.mp4")
    silence(place / "voice.wav", 0.1)
    place.chmod(0o755)
    assert main(["faces", "a.png"]) == 0  # which loads what is needed
    capsys.readouterr()
    for name in ("a.png", "film.mp4", "voice.wav"):
        Path(name).chmod(0)
    with somebody_else():
        assert main(["faces", "a.png"]) == 1
        with pytest.raises(InputError, match=r'no permission to read "film\.mp4"'):
            probe(Path("film.mp4"))
        with pytest.raises(InputError, match=r'no permission to read "voice\.wav"'), VoiceReader(Path("voice.wav")):
            pass
    assert 'no permission to read "a.png"' in capsys.readouterr().err


def test_b30_fifty_faces_are_swapped_one_after_the_other(astronaut: Path, hopper: Path) -> None:
    """What is held at a time does not grow with the number of faces."""
    portrait = cv2.resize(read_picture(astronaut).bgr[0:300, 80:380], (80, 80), interpolation=cv2.INTER_AREA)
    crowd = np.tile(portrait, (5, 10, 1)).astype(np.uint8)
    tracemalloc.start()
    try:
        result = swap_faces(hopper, crowd, face="all", engine="mesh")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert result.faces == tuple(range(50))
    assert peak < 60 * crowd.nbytes


def test_b33_source_and_target_may_be_the_same_file(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = Path("a.png").read_bytes()
    assert main(["faceswap", "a.png", "a.png", "-o", "out.png", *MESH]) == 0
    assert capsys.readouterr().out == "out.png\n"
    assert read_picture(Path("out.png")).width == 512
    assert Path("a.png").read_bytes() == before


@pytest.mark.parametrize("seconds", ["60", "60.04", "61", "125"])
def test_b52_about_a_minute_frames_are_exact_and_sound_is_in_one_piece(
    clip: Clip, tmp_path: Path, seconds: str, ffmpeg: str
) -> None:
    """The longest piece is a minute: what is a little longer, and what takes three."""
    count = round(25 * Fraction(seconds))
    original = probe(clip(size=(32, 32), frames=count, audio="aac", extra=("-g", "250")))
    assert original.frames == count
    pieces = []
    for segment in plan_segments(0, count, original.fps):
        pieces.append(tmp_path / f"piece-{segment.index}.mp4")
        with (
            FrameReader(original, segment.start, segment.stop, layout=Bgr(original, quick=True)) as frames,
            FrameWriter(pieces[-1], original, EncodeOptions(preset="ultrafast")) as writer,
        ):
            for frame in frames:
                writer.write(frame)
            writer.close()
    assert len(pieces) == {"60": 1, "60.04": 2, "61": 2, "125": 3}[seconds]
    out = tmp_path / "out.mp4"
    join(pieces, out, original)
    made = probe(out)
    assert (made.frames, made.fps, made.variable) == (count, Fraction(25), False)
    raw = [ffmpeg, "-v", "error", "-i", str(out), "-map", "0:a", "-ar", "8000", "-f", "f32le", "-"]
    heard = np.frombuffer(subprocess.run(raw, check=True, capture_output=True).stdout, np.float32)
    assert len(heard) / 8000 == pytest.approx(float(Fraction(seconds)), abs=0.05)
    # Of a tone each sample follows from the two before it; a seam would not.
    inner = heard[800:-800].astype(np.float64)
    surprise = np.abs(inner[2:] + inner[:-2] - 2 * np.cos(2 * np.pi * 440 / 8000) * inner[1:-1])
    assert surprise.max() < 0.1 * np.abs(inner).max()


def test_b59_a_codec_that_nobody_knows(clip: Clip, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = clip(frames=5).read_bytes()
    assert data.count(b"avc1") >= 1
    Path("film.mp4").write_bytes(data.replace(b"avc1", b"zzzz"))
    before = set(place.iterdir())
    assert main(["faceswap", "a.png", "film.mp4", "-o", "out.mp4", *MESH]) == 1
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert '"film.mp4"' in err
    assert "coded in a way that ffmpeg does not know" in err
    assert set(place.iterdir()) == before


LISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{url}/a.ts\n#EXT-X-ENDLIST\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><AdaptationSet>'
    "<Representation><BaseURL>{url}/a.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>",
    "concat": "ffconcat version 1.0\nfile '{url}/a.mp4'\n",
    "svg": '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="{url}/a.png"/></svg>',
}


@pytest.mark.parametrize("kind", LISTS)
def test_b62_addresses_in_files_are_never_asked(
    place: Path, start_server: Callable[[], Server], kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    server = start_server()
    path = Path("list.mp4")
    path.write_text(LISTS[kind].format(url=server.url))
    before = set(place.iterdir())
    assert main(["faceswap", str(path), "a.png", "-o", "out.png", *MESH]) == 1
    assert main(["faceswap", "a.png", str(path), "-o", "out.mp4", *MESH]) == 1
    assert main(["lipsync", "a.png", str(path), "-o", "out.mp4", "--engine", "mouth"]) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 3
    assert all(str(path) in line for line in errors)
    assert server.seen == []
    assert set(place.iterdir()) == before


@pytest.mark.parametrize(
    "name",
    [
        "{url}/a.png",
        "concat:a.png|b.jpg",
        "data:image/png;base64,iVBORw0KGgo=",
        "pipe:0",
        "-",
        "file:a.png",
        "subfile,,start,0,end,9,,:a.png",
    ],
)
def test_b63_an_address_is_the_name_of_a_file(
    place: Path, start_server: Callable[[], Server], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    server = start_server()
    name = name.format(url=server.url)
    before = set(place.iterdir())
    for words in (
        ["faceswap", *MESH, "-o", "out.png", "--", name, "a.png"],
        ["faceswap", *MESH, "-o", "out.png", "--", "a.png", name],
        ["faces", "--", name],
        ["lipsync", "--engine", "mouth", "-o", "out.mp4", "--", "a.png", name],
    ):
        assert main(words) == 1
        err = capsys.readouterr().err
        assert "there is no file" in err
        assert f'"{Path(name)}"' in err
    assert server.seen == []
    assert set(place.iterdir()) == before


def test_b67_silence_gives_a_video_with_a_closed_mouth(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    silence(place / "silent.wav", 0.4)
    assert main(["lipsync", "a.png", "silent.wav", "-o", "out.mp4", "--engine", "mouth"]) == 0
    assert capsys.readouterr().out == "out.mp4\n"
    video = probe(Path("out.mp4"))
    with FrameReader(video) as reader:
        frames = np.stack(list(reader)).astype(int)
    assert len(frames) == video.frames == 10
    assert np.abs(np.diff(frames, axis=0)).mean() < 1, "nobody's lips move"


def test_b70_memory_does_not_grow_with_the_length_of_the_sound(tmp_path: Path) -> None:
    peaks = []
    for seconds in (30, 480):
        path = tmp_path / f"{seconds}.wav"
        silence(path, seconds)
        tracemalloc.start()
        try:
            heard = listen(path, tmp_path / "mel", lambda _: None)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
        assert heard.duration == seconds
    assert peaks[1] < 1.2 * peaks[0] + 1_000_000
