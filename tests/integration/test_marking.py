"""Results that say that they are synthetic, whichever way they were made, and files that are asked."""

from __future__ import annotations

import io
import json
import struct
import wave
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from facefusion_cli import swap_faces, sync_lips
from facefusion_cli.cli import main
from facefusion_cli.core.faceswap.engine import ENGINES as SWAP_ENGINES
from facefusion_cli.core.lipsync.engine import ENGINES as LIPSYNC_ENGINES
from facefusion_cli.core.media.encode import write_picture
from facefusion_cli.core.media.images import read_picture
from facefusion_cli.core.media.marking import finish
from facefusion_cli.core.media.marking.boxes import add_box, add_chunk
from facefusion_cli.core.media.marking.carried import carried
from facefusion_cli.core.media.marking.inspection import inspect_file
from facefusion_cli.core.media.marking.mark import SCHEME, Mark, Said
from facefusion_cli.core.media.marking.xmp import packet_of, said_in
from facefusion_cli.core.weights.needs import ENGINE_WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NETWORK, RULES = Mark("inswapper", "inswapper_128"), Mark("mesh")
GENERATED = Said(SCHEME + "trainedAlgorithmicMedia", "Painter 2")
PICTURES = ["jpg", "png", "webp", "tif", "avif", "jp2"]
SILENT_PICTURES = ["bmp", "ppm"]
VIDEOS = ["mp4", "mov", "mkv", "webm", "avi"]


@pytest.fixture(autouse=True)
def unsigned(monkeypatch: pytest.MonkeyPatch) -> None:
    """As without the extra c2pa; signatures have tests of their own."""
    monkeypatch.setattr(finish, "extra_installed", lambda: False)


def picture(path: Path, said: Said | None = None) -> Path:
    """40 x 30 pixels, perhaps with a packet."""
    save(path, packet_of(said) if said else b"")
    return path


def save(path: Path, xmp: bytes) -> None:
    """With a packet, as other programs put it there."""
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    options: dict[str, Any] = {"xmp": xmp}
    if path.suffix == ".png":
        options = {"pnginfo": PngInfo()}
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", xmp.decode(), zip=True)
    elif path.suffix == ".tif":
        options = {"tiffinfo": {700: xmp}}
    Image.fromarray(pixels).save(path, **(options if xmp else {}))


@pytest.fixture
def talk(clip: Callable[..., Path], astronaut: Path) -> Path:
    return clip([read_picture(astronaut).bgr[::2, ::2]] * 4, fps="10")


@pytest.fixture
def voice(tmp_path: Path) -> Path:
    path = tmp_path / "voice.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(b"\0\x20\0\xe0" * 3200)
    return path


def test_engines_name_the_network_whose_pixels_they_show() -> None:
    entries: list[Any] = [*SWAP_ENGINES, *LIPSYNC_ENGINES]
    for entry in entries:
        assert entry.mark == Mark(entry.name, entry.generator)
        assert bool(entry.generator) == (entry.name in ENGINE_WEIGHTS)
        assert entry.generator in ("", *ENGINE_WEIGHTS.get(entry.name, ()))


@pytest.mark.parametrize("suffix", PICTURES)
def test_p01_pictures_say_what_they_are(tmp_path: Path, suffix: str) -> None:
    original, path = picture(tmp_path / "a.png"), tmp_path / f"o.{suffix}"
    assert write_picture(read_picture(original), path, mark=NETWORK) == ()
    found = inspect_file(path)
    assert found.said == NETWORK.said()
    assert (found.marked, found.in_metadata, found.intact, found.state) == (True, True, True, "none")
    # Others see the same.
    if suffix != "jp2":
        with Image.open(path) as image:
            image.load()
            xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
        assert xmp
        assert said_in(xmp.encode() if isinstance(xmp, str) else xmp) == NETWORK.said()


@pytest.mark.parametrize("suffix", SILENT_PICTURES)
def test_p01_formats_that_can_say_nothing_are_named(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"o.{suffix}"
    notes = write_picture(read_picture(picture(tmp_path / "a.png")), path, mark=RULES)
    assert ["cannot say that it is synthetic" in note for note in notes] == [True]
    assert not inspect_file(path).marked
    assert write_picture(read_picture(tmp_path / "a.png"), path) == ()


@pytest.mark.parametrize("suffix", [*PICTURES, *SILENT_PICTURES])
def test_p02_without_a_mark_there_is_none(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"o.{suffix}"
    write_picture(read_picture(picture(tmp_path / "a.png")), path)
    assert not carried(path).xmp
    assert b"DigitalSourceType" not in path.read_bytes()


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "avif"])
def test_p02_a_mark_of_the_target_is_never_stripped(tmp_path: Path, suffix: str) -> None:
    original, path = picture(tmp_path / f"a.{suffix}", GENERATED), tmp_path / f"o.{suffix}"
    write_picture(read_picture(original), path)
    assert inspect_file(path).said == GENERATED
    write_picture(read_picture(original), path, mark=RULES)
    assert inspect_file(path).said.term == "compositeSynthetic"
    notes = write_picture(read_picture(original), tmp_path / "o.bmp")
    assert ["not marked" in note for note in notes] == [True]


def test_p02_what_is_true_of_the_target_alone_is_not_carried(tmp_path: Path) -> None:
    taken = picture(tmp_path / "a.png", Said(SCHEME + "digitalCapture", "a camera"))
    for keep in (False, True):
        write_picture(read_picture(taken), tmp_path / "o.png", keep_metadata=keep)
        assert inspect_file(tmp_path / "o.png").said.source_type == ""


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_p01_the_packet_of_the_target_is_kept_when_asked_for(tmp_path: Path, suffix: str) -> None:
    packet = packet_of(Said("", "Light Room 3")).replace(b"xmlns:xmp=", b'xmlns:o="http://o/" o:Owner="ME" xmlns:xmp=')
    original = tmp_path / f"a.{suffix}"
    save(original, packet)
    write_picture(read_picture(original), tmp_path / f"o.{suffix}", mark=RULES)
    assert b"ME" not in carried(tmp_path / f"o.{suffix}").xmp
    write_picture(read_picture(original), tmp_path / f"o.{suffix}", mark=RULES, keep_metadata=True)
    xmp = carried(tmp_path / f"o.{suffix}").xmp
    assert b'o:Owner="ME"' in xmp
    assert b'stEvt:softwareAgent="Light Room 3"' in xmp
    assert said_in(xmp) == RULES.said()


def test_a_picture_from_python_and_of_a_folder(hopper: Path, astronaut: Path, tmp_path: Path) -> None:
    swap_faces(hopper, astronaut, tmp_path / "o.png")
    assert inspect_file(tmp_path / "o.png").said == RULES.said()
    swap_faces(hopper, astronaut, tmp_path / "n.png", mark=False)
    assert not inspect_file(tmp_path / "n.png").marked
    assert np.array_equal(read_picture(tmp_path / "o.png").pixels, read_picture(tmp_path / "n.png").pixels)


def test_p02_a_folder_is_made_again_without_marks(
    hopper: Path, astronaut: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    Image.open(astronaut).save(tmp_path / "in" / "a.jpg")
    command = [
        "faceswap",
        str(hopper),
        str(tmp_path / "in"),
        "-o",
        f"{tmp_path / 'out'}/",
        "--engine",
        "mesh",
        "--json",
    ]
    result = tmp_path / "out" / "a.jpg"
    assert main(command) == 0
    assert inspect_file(result).marked
    capsys.readouterr()
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[0])["skipped"]
    assert main([*command, "--no-mark", "-q"]) == 0
    out, err = capsys.readouterr()
    assert "skipped" not in json.loads(out.splitlines()[0])
    assert err.startswith("--no-mark: the result does not say that it is synthetic.")
    assert not inspect_file(result).marked


@pytest.mark.parametrize("suffix", VIDEOS)
def test_p01_videos_say_what_they_are(
    hopper: Path, talk: Path, tmp_path: Path, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"o.{suffix}"
    command = ["faceswap", str(hopper), str(talk), "-o", str(path), "--engine", "mesh", "--preset", "ultrafast"]
    assert main(command) == 0
    found = inspect_file(path)
    assert (found.said, found.in_metadata, found.state) == (RULES.said(), True, "none")
    assert "mark" not in capsys.readouterr().err
    assert [*tmp_path.iterdir()] == [path]
    if suffix == "mp4":
        assert main([*command, "--no-mark"]) == 0
        assert not inspect_file(path).marked
        assert b"\xbe\x7a\xcf\xcb" not in path.read_bytes()


def test_p01_marks_of_videos_go_from_container_to_container(hopper: Path, talk: Path, tmp_path: Path) -> None:
    before = tmp_path / "talk.mp4"
    before.write_bytes(talk.read_bytes())
    assert add_box(before, packet_of(GENERATED))
    swap_faces(hopper, before, tmp_path / "o.mkv", engine="mesh", mark=False)
    assert inspect_file(tmp_path / "o.mkv").said == GENERATED
    swap_faces(hopper, tmp_path / "o.mkv", tmp_path / "o.mov", engine="mesh", mark=False)
    assert inspect_file(tmp_path / "o.mov").said == GENERATED
    swap_faces(hopper, tmp_path / "o.mkv", tmp_path / "p.mkv", engine="mesh")
    assert inspect_file(tmp_path / "p.mkv").said == RULES.said(GENERATED)


def test_p01_a_still_that_speaks(astronaut: Path, voice: Path, tmp_path: Path) -> None:
    still = tmp_path / "still.png"
    with Image.open(astronaut) as image:
        image.resize((256, 256)).save(still, pnginfo=None)
    sync_lips(still, voice, tmp_path / "o.mp4", engine="mouth")
    assert inspect_file(tmp_path / "o.mp4").said == Mark("mouth").said()
    sync_lips(still, voice, tmp_path / "n.mp4", engine="mouth", mark=False)
    assert not inspect_file(tmp_path / "n.mp4").marked


def test_nothing_moves_when_a_box_is_added(talk: Path, tmp_path: Path) -> None:
    path, before = tmp_path / "a.mp4", talk.read_bytes()
    path.write_bytes(before)
    assert add_box(path, b"packet")
    assert (
        path.read_bytes()
        == before + struct.pack(">I", 30) + b"uuid" + bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + b"packet"
    )
    assert carried(path).xmp == b"packet"


def test_files_that_have_no_end_get_no_mark(tmp_path: Path, talk: Path, clip: Callable[..., Path]) -> None:
    path = tmp_path / "a.mp4"
    data = talk.read_bytes() + struct.pack(">I", 0) + b"mdat" + b"pictures"
    path.write_bytes(data)
    assert not add_box(path, b"packet")
    assert path.read_bytes() == data
    avi = clip(suffix=".avi").read_bytes()
    path.write_bytes(avi + b"RIFF\4\0\0\0AVIX")
    assert not add_chunk(path, b"packet")
    assert path.read_bytes() == avi + b"RIFF\4\0\0\0AVIX"


def test_where_quicktime_keeps_it_is_read(tmp_path: Path) -> None:
    def box(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", 8 + len(content)) + kind + content

    packet = packet_of(GENERATED)
    path = tmp_path / "a.mov"
    path.write_bytes(
        box(b"ftyp", b"qt  \0\0\0\0") + box(b"moov", box(b"mvhd", b"") + box(b"udta", box(b"XMP_", packet)))
    )
    assert inspect_file(path).said == GENERATED


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "avif", "mp4", "mov"])
def test_cut_files_say_nothing_or_what_they_said(tmp_path: Path, suffix: str, clip: Callable[..., Path]) -> None:
    path = tmp_path / f"o.{suffix}"
    if suffix in ("mp4", "mov"):
        path.write_bytes(clip(suffix=f".{suffix}").read_bytes())
        add_box(path, packet_of(GENERATED))
    else:
        write_picture(read_picture(picture(tmp_path / "a.png")), path, mark=NETWORK)
    data = path.read_bytes()
    generator = np.random.default_rng(1)
    for _ in range(60):
        cut = bytearray(data[: generator.integers(0, len(data))])
        for _ in range(min(3, len(cut))):
            cut[generator.integers(0, min(len(cut), 1000))] = generator.integers(0, 256)
        path.write_bytes(cut)
        carried(path)


def test_inspect_tells_people_and_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    marked, plain = tmp_path / "marked.jpg", picture(tmp_path / "plain.jpg")
    write_picture(read_picture(plain), marked, mark=NETWORK)
    assert main(["inspect", str(marked)]) == 0
    out = capsys.readouterr().out
    assert "compositeWithTrainedAlgorithmicMedia" in out
    assert "inswapper_128" in out
    assert main(["inspect", "--json", str(marked), str(plain), str(tmp_path / "missing.jpg")]) == 1
    out, err = capsys.readouterr()
    first, second, third = map(json.loads, out.splitlines())
    assert (
        first.items()
        >= {
            "ok": True,
            "file": str(marked),
            "marked": True,
            "intact": True,
            "source_type": "compositeWithTrainedAlgorithmicMedia",
            "tool": NETWORK.said().tool,
            "engine": "inswapper",
            "model": "inswapper_128",
            "date": None,
            "metadata": True,
            "c2pa": {"state": "none", "signer": None, "reason": None},
        }.items()
    )
    assert (second["ok"], second["exit_code"], second["marked"], second["source_type"]) == (False, 1, False, None)
    assert (third["ok"], third["error"]["code"]) == (False, "bad-input")
    assert err == f'error: there is no file "{tmp_path / "missing.jpg"}". Check the name.\n'


def test_inspect_of_what_says_that_it_is_no_synthesis(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    taken = picture(tmp_path / "a.jpg", Said(SCHEME + "digitalCapture", "a camera"))
    (tmp_path / "b.txt").write_text("I am no picture.")
    assert main(["inspect", str(taken)]) == 1
    assert "digitalCapture: not synthetic, as it says" in capsys.readouterr().out
    assert main(["inspect", str(tmp_path / "b.txt")]) == 1
    assert "none" in capsys.readouterr().out


def test_an_avif_collection_is_read(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30)).save(buffer, "AVIF", xmp=packet_of(replace(GENERATED, model="m")))
    path = tmp_path / "a.heic"  # names lie
    path.write_bytes(buffer.getvalue())
    assert inspect_file(path).said == replace(GENERATED, model="m")
