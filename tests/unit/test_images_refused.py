"""What is no picture, or no longer one: one clear sentence that names the file, nothing opened that should not be."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import struct
import subprocess
import sys
import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from facefusion_cli.core.media.ifd import BYTE, LONG, SHORT, Field, serialise
from facefusion_cli.core.media.images import read_picture
from facefusion_cli.core.media.png import encode_png
from facefusion_cli.core.media.tiff import encode_tiff
from facefusion_cli.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as raised:
        read_picture(path)
    message = raised.value.message
    assert f'"{path}"' in message
    assert message.endswith(".")
    assert "\n" not in message
    return message


def noise(size: int = 128) -> Image.Image:
    return Image.fromarray(np.random.default_rng(3).integers(0, 256, (size, size, 3), dtype=np.uint8))


def encoded(format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    noise().save(buffer, format, **options)
    return buffer.getvalue()


def test_b01_missing(tmp_path: Path) -> None:
    assert refusal(tmp_path / "gone.jpg").startswith("there is no file")
    assert refusal(tmp_path / "no folder" / "gone.jpg").startswith("there is no file")


def test_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert refusal(tmp_path / "file" / "a.jpg").startswith("there is no file")


def test_b02_folder(tmp_path: Path) -> None:
    assert "is a folder" in refusal(tmp_path)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.heic"])
def test_b03_empty(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    assert "is empty" in refusal(tmp_path / name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_b72_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    assert "not an ordinary file" in refusal(tmp_path / "pipe.jpg")


@pytest.mark.skipif(sys.platform == "win32", reason="no such sockets here")
def test_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket has to be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("s.jpg")
        assert "not an ordinary file" in refusal(tmp_path / "s.jpg")


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="no devices here")  # noqa: PTH110
def test_b72_device(tmp_path: Path) -> None:
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    assert "not an ordinary file" in refusal(tmp_path / "zero.png")


def test_b72_links(tmp_path: Path) -> None:
    (tmp_path / "loop.jpg").symlink_to(tmp_path / "loop.jpg")
    assert "leads to itself" in refusal(tmp_path / "loop.jpg")
    (tmp_path / "dangling.jpg").symlink_to(tmp_path / "gone.jpg")
    assert "a file that does not exist" in refusal(tmp_path / "dangling.jpg")
    noise().save(tmp_path / "real.png")
    (tmp_path / "good.png").symlink_to(tmp_path / "real.png")
    assert read_picture(tmp_path / "good.png").width == 128


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By patching: root, as which tests may run, may read everything."""
    path = tmp_path / "secret.png"
    noise().save(path)

    def refuse(*args: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(type(path), "open", refuse)
    assert "no permission to read" in refusal(path)


def test_too_long_a_name(tmp_path: Path) -> None:
    assert "cannot be read" in refusal(tmp_path / ("x" * 300 + ".jpg"))


MP4 = b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41"


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b'<?xml version="1.0"?>\n<!-- drawn -->\n<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
        (b"\xef\xbb\xbf<svg/>", "an SVG drawing"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"8BPS\0\1", "Photoshop"),
        (b"\0\0\1\0\1\0", "an icon"),
        (b"%!PS-Adobe-3.0", "PostScript"),
        (b"gimp xcf v011", "GIMP"),
        (b"#?RADIANCE\n", "high dynamic range"),
        (b"\x76\x2f\x31\x01\2\0\0\0", "OpenEXR"),
        (b"Pf\n4 4\n-1.0\n" + bytes(64), "high dynamic range"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"II*\0\x10\0\0\0CR\2\0", "raw photograph"),
        (b"FUJIFILMCCD-RAW 0201", "raw photograph"),
        (MP4, "a video"),
        (b"\x1a\x45\xdf\xa3", "a video"),
        (b"RIFF\0\0\0\0AVI LIST", "a video"),
        (b"PK\3\4", "ZIP"),
        (b"<!DOCTYPE html><html></html>", "a web page"),
        (b"Just a few words.", "not a picture"),
        (b"ffconcat version 1.0\nfile 'other.png'\n", "not a picture"),
        (b"\0" * 1000, "not a picture"),
    ],
)
def test_b04_b23_b60_other_things_are_named(tmp_path: Path, content: bytes, named: str) -> None:
    path = tmp_path / "picture.jpg"
    path.write_bytes(content)
    assert named in refusal(path)


def test_text_in_the_middle_does_not_make_a_drawing(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"How to write <svg> by hand")
    assert refusal(path).endswith("is not a picture.")


TRUNCATED = [
    ("JPEG", {}),
    ("JPEG", {"progressive": True}),
    ("PNG", {}),
    ("WEBP", {}),
    ("WEBP", {"lossless": True}),
    ("TIFF", {}),
    ("TIFF", {"compression": "tiff_deflate"}),
    ("BMP", {}),
    ("GIF", {}),
    ("AVIF", {}),
    ("JPEG2000", {}),
    ("PPM", {}),
]


@pytest.mark.parametrize(("format", "options"), TRUNCATED, ids=lambda value: str(value))
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_b10_b13_truncated(tmp_path: Path, format: str, options: dict[str, Any], share: float) -> None:
    path = tmp_path / "cut"
    whole = encoded(format, **options)
    path.write_bytes(whole)
    assert read_picture(path).width == 128
    path.write_bytes(whole[: int(len(whole) * share)])
    assert "damaged" in refusal(path)


@pytest.mark.parametrize("bytes_left", [3, 20, 200])
def test_b11_hardly_any_jpeg(tmp_path: Path, bytes_left: int) -> None:
    path = tmp_path / "cut.jpg"
    path.write_bytes(encoded("JPEG")[:bytes_left])
    assert "damaged" in refusal(path)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF"])
def test_b12_flipped_bytes_give_a_picture_or_an_error(tmp_path: Path, format: str) -> None:
    whole = encoded(format)
    generator = np.random.default_rng(5)
    path = tmp_path / "flipped"
    for _ in range(12):
        damaged = bytearray(whole)
        for at in generator.integers(0, len(whole), 6):
            damaged[at] = int(generator.integers(256))
        path.write_bytes(damaged)
        try:
            picture = read_picture(path)
        except InputError as error:
            assert str(path) in error.message  # noqa: PT017
        else:
            assert picture.bgr.shape == (picture.height, picture.width, 3)


def test_b19_floating_point(tmp_path: Path) -> None:
    path = tmp_path / "float.tif"
    Image.fromarray(np.ones((4, 4), np.float32)).save(path)
    assert "floating point" in refusal(path)


@pytest.mark.parametrize(
    "field",
    [{50706: Field(BYTE, 4, b"\1\4\0\0")}, {254: Field(LONG, 1, b"\1\0\0\0")}],
    ids=["digital negative", "preview in front"],
)
def test_raw_photographs_in_the_guise_of_tiff(tmp_path: Path, field: dict[int, Field]) -> None:
    path = tmp_path / "raw.tif"
    path.write_bytes(encode_tiff(np.asarray(noise()), alpha=False, directory=field))
    assert "raw photograph" in refusal(path)


def test_separate_planes_of_16_bits(tmp_path: Path) -> None:
    """Pillow and OpenCV show a colourful mess instead."""
    path = tmp_path / "planes.tif"
    plane = bytes(2 * 4 * 4)

    def numbers(kind: int, *values: int) -> Field:
        return Field(kind, len(values), struct.pack(f"<{len(values)}{'H' if kind == SHORT else 'I'}", *values))

    fields = {
        256: numbers(LONG, 4),
        257: numbers(LONG, 4),
        258: numbers(SHORT, 16, 16, 16),
        259: numbers(SHORT, 1),
        262: numbers(SHORT, 2),
        273: numbers(LONG, 8, 8 + len(plane), 8 + 2 * len(plane)),
        277: numbers(SHORT, 3),
        278: numbers(LONG, 4),
        279: numbers(LONG, *[len(plane)] * 3),
        284: numbers(SHORT, 2),
    }
    end = 8 + 3 * len(plane)
    path.write_bytes(b"II*\0" + struct.pack("<I", end) + plane * 3 + serialise(fields, "<", end))
    assert "separate 16-bit planes" in refusal(path)


def test_b08_many_pixels_are_refused_from_the_header(tmp_path: Path) -> None:
    """Only the header is there: whoever would decode this says that it is damaged."""
    path = tmp_path / "huge.png"
    buffer = io.BytesIO()
    Image.new("1", (13000, 13000)).save(buffer, "PNG")
    path.write_bytes(buffer.getvalue()[:60])
    message = refusal(path)
    assert "13000 x 13000 = 169 million pixels" in message
    assert "the limit is 100 million" in message


def test_huge_tiles_of_a_small_tiff_are_refused(tmp_path: Path) -> None:
    """They would be decoded whole; that their data are missing must not even come out."""

    def number(value: int) -> Field:
        return Field(LONG, 1, struct.pack("<I", value))

    tags = {256: 10, 257: 10, 258: 8, 259: 8, 262: 1, 277: 1, 322: 30000, 323: 30000, 324: 8, 325: 100}
    path = tmp_path / "tiles.tif"
    path.write_bytes(b"II*\0" + struct.pack("<I", 8) + serialise({tag: number(v) for tag, v in tags.items()}, "<", 8))
    assert "tiles of 30000 x 30000 = 900 million pixels" in refusal(path)


def test_tiles_are_read(tmp_path: Path) -> None:
    path = tmp_path / "tiles.tif"
    data = bytes(range(256))
    tags = {256: 10, 257: 10, 258: 8, 259: 1, 262: 1, 277: 1, 322: 16, 323: 16, 324: 8, 325: 256}
    fields = {tag: Field(LONG, 1, struct.pack("<I", value)) for tag, value in tags.items()}
    path.write_bytes(b"II*\0" + struct.pack("<I", 264) + data + serialise(fields, "<", 264))
    assert np.array_equal(read_picture(path).pixels, np.arange(256).reshape(16, 16)[:10, :10])


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="no such file here")  # noqa: PTH110
def test_a_file_that_fails_when_read(tmp_path: Path) -> None:
    path = tmp_path / "memory.png"
    path.symlink_to("/proc/self/mem")
    assert "cannot be read: input/output error" in refusal(path)


def test_errors_about_other_files_are_not_the_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    noise().save(path)

    def missing(*args: object) -> None:
        raise FileNotFoundError(2, "No such file or directory", "/a/library.so")

    monkeypatch.setattr("facefusion_cli.core.media.images.decode", missing)
    with pytest.raises(FileNotFoundError, match="library"):
        read_picture(path)


def test_nothing_is_printed_about_odd_files(tmp_path: Path) -> None:
    """In a process of its own: libpng and OpenCV write past Python, and read their settings when they are loaded."""
    deep = np.random.default_rng(2).integers(0, 65536, (8, 8, 3), dtype=np.uint16)
    odd: dict[int, Field] = {50000: Field(LONG, 1, b"\1\0\0\0")}
    (tmp_path / "tags.tif").write_bytes(encode_tiff(deep, alpha=False, directory=odd))
    (tmp_path / "profile.png").write_bytes(encode_png(deep, None, icc=b"no profile at all"))
    script = "import sys; from pathlib import Path; from facefusion_cli.core.media.images import read_picture\n"
    script += "for name in sys.argv[1:]: print(read_picture(Path(name)).pixels.dtype)"
    environment = {name: value for name, value in os.environ.items() if name != "OPENCV_LOG_LEVEL"}
    names = [str(tmp_path / "tags.tif"), str(tmp_path / "profile.png")]
    command = [sys.executable, "-c", script, *names]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert (done.stdout.split(), done.stderr) == (["uint16", "uint16"], "")


def test_f22_not_enough_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "large.png"
    noise().save(path)

    def no_memory(self: object) -> None:
        raise MemoryError

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", no_memory)
    assert "more memory than there is" in refusal(path)


@pytest.mark.parametrize("format", ["JPEG2000", "PNG"])
def test_lengths_are_not_believed(tmp_path: Path, format: str) -> None:
    """Pillow asks for as many bytes as a header says that a part has; that much room is not made."""
    content = bytearray(encoded(format))
    at = content.index(b"ihdr") - 12 if format == "JPEG2000" else content.index(b"IDAT") - 4
    content[at : at + 4] = b"\x7f\xff\xff\xff"
    path = tmp_path / "a.x"
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with contextlib.suppress(InputError):  # of a PNG the rest may do
            read_picture(path)
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()
