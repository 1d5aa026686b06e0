"""Pictures and videos told apart, by content before suffix."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from PIL import Image

from facefusion_cli.core.media.formats import (
    VIDEO_SUFFIXES,
    WRITABLE_SUFFIXES,
    default_suffix,
    is_sound_suffix,
    is_video_suffix,
    output_format,
    suffix_kind,
)
from facefusion_cli.core.media.kinds import identify, is_animated, is_sound, kind_of
from facefusion_cli.errors import InputError, UsageError

PNG = b"\x89PNG\r\n\x1a\n"
MP4 = b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41"
TS = (b"\x47" + bytes(187)) * 3
VIDEOS = {
    "mp4": MP4,
    "quicktime": b"\0\0\0\x20ftypqt  \0\0\2\0qt  ",
    "old quicktime": b"\0\0\x10\0moov",
    "matroska": b"\x1a\x45\xdf\xa3",
    "avi": b"RIFF\0\0\0\0AVI LIST",
    "flv": b"FLV\1",
    "mpeg": b"\0\0\1\xba",
    "asf": b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9",
    "ogg": b"OggS\0",
    "transport stream": TS,
    "camcorder": b"".join(bytes(4) + b"\x47" + bytes(187) for _ in range(3)),
}


@pytest.mark.parametrize("head", VIDEOS.values(), ids=VIDEOS.keys())
def test_videos_by_content(tmp_path: Path, head: bytes) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(head)
    assert kind_of(path) == "video"
    with pytest.raises(InputError, match="is a video, where a picture is needed") as refused:
        identify(head, path)
    assert "frame" in refused.value.hint


OGG = b"OggS\0\x02" + bytes(20) + b"\x01\x1e"
SOUNDS = {
    "wave": b"RIFF\0\0\0\0WAVEfmt ",
    "wave over 4 GB": b"RF64\xff\xff\xff\xffWAVEds64",
    "wave64": b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb",
    "mp3 with a tag": b"ID3\x04\0",
    "mp3": b"\xff\xfb\x90\x64",
    "mp2": b"\xff\xfd\x84\x04",
    "aac": b"\xff\xf1\x50\x80",
    "flac": b"fLaC\0",
    "vorbis": OGG + b"\x01vorbis",
    "opus": OGG + b"OpusHead",
    "m4a": b"\0\0\0\x1cftypM4A \0\0\2\0M4A isomiso2",
    "aiff": b"FORM\0\0\0\0AIFFCOMM",
    "aifc": b"FORM\0\0\0\0AIFCFVER",
    "caf": b"caff\0\1",
    "au": b".snd\0\0\0\x18",
    "ac3": b"\x0b\x77",
}


@pytest.mark.parametrize("head", SOUNDS.values(), ids=SOUNDS.keys())
def test_sounds_by_content(tmp_path: Path, head: bytes) -> None:
    path = tmp_path / "a.dat"
    path.write_bytes(head)
    assert is_sound(path)
    assert kind_of(path) == "picture"
    with pytest.raises(InputError, match="is a sound file, which cannot be used as a picture"):
        identify(head, path)


@pytest.mark.parametrize(
    ("name", "content", "sound"),
    [
        ("a.wav", b"no sound at all", True),
        ("a.wav", b"", True),
        ("a.wav", PNG, False),
        ("a.mp4", SOUNDS["m4a"], True),
        ("a.mp4", MP4, False),
        ("a.m4a", MP4, True),
        ("a.mka", VIDEOS["matroska"], True),
        ("a.mkv", VIDEOS["matroska"], False),
        ("a.wma", VIDEOS["asf"], True),
        ("a.wmv", VIDEOS["asf"], False),
        ("a.ogg", OGG + b"\x80theora" + OGG + b"\x01vorbis", True),
        ("a.ogv", OGG + b"\x80theora" + OGG + b"\x01vorbis", False),
        ("a.dat", OGG + b"\x01vorbis" + OGG + b"\x80theora", False),
        ("a.txt", "\ufeffhello".encode("utf-16-le"), False),
        ("a.txt", b"\xff\xff\xff\xff", False),
        ("a.txt", b"hello", False),
    ],
)
def test_what_is_a_sound(tmp_path: Path, name: str, content: bytes, sound: bool) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert is_sound(path) is sound


def test_what_cannot_be_read_is_a_sound_by_its_suffix(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp3")
    assert is_sound(tmp_path / "pipe.mp3")
    assert is_sound(tmp_path / "missing.WAV")
    assert not is_sound(tmp_path / "missing.mp4")
    assert not is_sound(Path("nul\0.mp4"))
    assert not is_sound(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.mp4", PNG, "picture"),
        ("a.mp4", b"GIF89a", "picture"),
        ("a.mp4", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "picture"),
        ("a.jpg", b"%PDF-1.7", "picture"),
        ("a.mp4", b"ffconcat version 1.0\n", "video"),
        ("a.mkv", b"", "video"),
        ("a.ts", b"GGG", "video"),
        ("a", b"", "picture"),
        ("a.jpg", b"G" + bytes(1000), "picture"),
    ],
)
def test_kind_of_what_a_file_holds(tmp_path: Path, name: str, content: bytes, kind: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert kind_of(path) == kind


def test_kind_of_what_cannot_be_read_is_its_suffix(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")  # opening it would wait for ever
    (tmp_path / "folder.mov").mkdir()
    assert kind_of(tmp_path / "pipe.mp4") == "video"
    assert kind_of(tmp_path / "folder.mov") == "video"
    assert kind_of(tmp_path / "missing.MKV") == "video"
    assert kind_of(tmp_path / "missing.jpg") == "picture"
    assert kind_of(Path("nul\0.mp4")) == "video"


@pytest.mark.parametrize(
    ("format", "animated"), [("PNG", True), ("PNG", False), ("WEBP", True), ("WEBP", False), ("AVIF", False)]
)
def test_animations(format: str, animated: bool) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue", "green")]
    file = io.BytesIO()
    frames[0].save(file, format, save_all=animated, append_images=frames[1:] if animated else [])
    assert is_animated(file.getvalue()) is animated


def test_every_gif_may_be_an_animation() -> None:
    assert is_animated(b"GIF87a")
    assert not is_animated(b"")
    assert not is_animated(b"RIFF\0\0\0\0WEBPVP8X")


def test_suffixes() -> None:
    assert {suffix_kind(Path("a" + suffix.upper())) for suffix in WRITABLE_SUFFIXES} == {"picture"}
    assert {suffix_kind(Path("a" + suffix.upper())) for suffix in VIDEO_SUFFIXES} == {"video"}
    assert [suffix_kind(Path(name)) for name in ("a.heic", "a.gif", "a.wmv", "a.txt", "a", ".jpg")] == [
        "picture",
        "picture",
        "video",
        None,
        None,
        None,
    ]
    assert not {suffix for suffix in (*WRITABLE_SUFFIXES, *VIDEO_SUFFIXES) if is_sound_suffix(Path("a" + suffix))}
    assert is_sound_suffix(Path("a.M4A"))
    assert suffix_kind(Path("a.wav")) is None
    assert is_video_suffix(Path("a.MP4"))
    assert not is_video_suffix(Path("a.wmv"))


def test_formats_of_videos() -> None:
    assert output_format(Path("a.MKV"), "video") == "matroska"
    for name in ("a.jpg", "a.wmv", "a"):
        with pytest.raises(UsageError) as raised:
            output_format(Path(name), "video")
        assert all(suffix in raised.value.hint for suffix in VIDEO_SUFFIXES)
    with pytest.raises(UsageError, match="cannot be written"):
        output_format(Path("a.mp4"))
    assert default_suffix(Path("a.MOV"), "video") == ".MOV"
    assert default_suffix(Path("a.wmv"), "video") == ".mp4"
    assert default_suffix(Path("a.jpg"), "video") == ".mp4"
    assert default_suffix(Path("a.mp4")) == ".png"
