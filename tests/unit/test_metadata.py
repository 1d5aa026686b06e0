"""Metadata: what goes along, and what never does."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image, TiffImagePlugin
from PIL.PngImagePlugin import PngInfo

from facefusion_cli.core.media.encode import write_picture
from facefusion_cli.core.media.exif import exif_block, parse_exif
from facefusion_cli.core.media.images import read_picture
from facefusion_cli.core.media.metadata import read_metadata

if TYPE_CHECKING:
    from pathlib import Path

    from facefusion_cli.core.media.images import Picture

_EXIF, _GPS, _THUMBNAIL = ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo, ExifTags.IFD.IFD1
_SECRETS = [b"MAKERNOTE", b"SERIAL", b"OWNER", b"UNIQUE", b"LENS\0", b"PrintIM", b"ARTIST", b"PHOTOG", b"EDITOR"]
CARRIES_EXIF = ["jpg", "png", "webp", "tif", "avif"]


def camera_exif(order: str = "<") -> bytes:
    """What a camera writes: place, serial numbers, maker's note and a thumbnail among it."""
    exif = Image.Exif()
    exif.endian = order
    exif[271], exif[272], exif[274], exif[306], exif[33432] = "Maker", "Model", 6, "2024:05:06 07:08:09", "Somebody"
    exif[315], exif[40093] = "ARTIST", "AUTHOR\0".encode("utf-16-le")
    exif[0xC4A5] = b"PrintIM\0" + bytes(20)
    details = exif.get_ifd(_EXIF)
    details[0x829A] = TiffImagePlugin.IFDRational(1, 250)
    details[0x9003] = "2024:05:06 07:08:09"
    details[0x927C] = b"MAKERNOTE" * 40
    details[0x9286] = b"ASCII\0\0\0a comment"
    details[0xA002], details[0xA003] = 4000, 3000
    details[0xA420], details[0xA430], details[0xA431], details[0xA435] = "UNIQUE", "OWNER", "SERIAL", "LENS"
    details[0xA434] = "a 50 mm lens"
    details[0xA437], details[0xA438] = "PHOTOGRAPHER", "EDITOR"
    details[0xA40B] = b"X" * 20000
    place = exif.get_ifd(_GPS)
    place[1], place[2] = "N", (48.0, 51.0, 30.0)
    data = exif.tobytes()
    return _with_thumbnail(data, order)


def _with_thumbnail(exif: bytes, order: str) -> bytes:
    """Append a second directory that points to a small JPEG, as Pillow does not write it."""
    body = bytearray(exif[6:])
    (first,) = struct.unpack_from(f"{order}I", body, 4)
    (count,) = struct.unpack_from(f"{order}H", body, first)
    buffer = io.BytesIO()
    Image.new("RGB", (16, 12), "green").save(buffer, "JPEG")
    place = len(body) + len(body) % 2
    body += bytes(place - len(body))
    start = place + 2 + 24 + 4
    body += struct.pack(f"{order}HHHIIHHIII", 2, 0x201, 4, 1, start, 0x202, 4, 1, len(buffer.getvalue()), 0)
    body += buffer.getvalue()
    struct.pack_into(f"{order}I", body, first + 2 + 12 * count, place)
    return exif[:6] + bytes(body)


def original(folder: Path, suffix: str = "jpg", order: str = "<", **options: Any) -> Picture:
    """40 x 30 pixels as stored, lying on their side."""
    path = folder / f"original.{suffix}"
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, exif=camera_exif(order), **options)
    return read_picture(path)


def exif_of(path: Path) -> Image.Exif:
    with Image.open(path) as image:
        exif = image.getexif()
        exif.get_ifd(_EXIF)
        exif.get_ifd(_GPS)
        return exif


def test_the_test_has_what_has_to_go(tmp_path: Path) -> None:
    original(tmp_path)
    exif = exif_of(tmp_path / "original.jpg")
    assert exif.get_ifd(_THUMBNAIL)[0x202] > 100
    assert exif.get_ifd(_GPS)[1] == "N"
    assert exif.get_ifd(_EXIF)[0x927C].startswith(b"MAKERNOTE")


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("suffix", CARRIES_EXIF)
def test_b26_exif_goes_along_without_place_and_pictures(tmp_path: Path, suffix: str, order: str) -> None:
    path = tmp_path / f"result.{suffix}"
    write_picture(original(tmp_path, order=order), path)
    exif = exif_of(path)
    assert (exif[271], exif[272], exif[306], exif[33432]) == ("Maker", "Model", "2024:05:06 07:08:09", "Somebody")
    assert exif.get(274, 1) == 1
    details = exif.get_ifd(_EXIF)
    assert details[0x829A] == pytest.approx(1 / 250)
    assert details[0x9003] == "2024:05:06 07:08:09"
    assert details[0xA434] == "a 50 mm lens"
    assert details[0x9286].endswith(b"a comment")
    assert (details[0xA002], details[0xA003]) == (30, 40)
    assert not exif.get_ifd(_GPS)
    assert not exif.get_ifd(_THUMBNAIL)
    assert not {0x927C, 0xA420, 0xA430, 0xA431, 0xA435, 0xA437, 0xA438} & details.keys()
    assert not {315, 40093} & set(exif)
    content = path.read_bytes()
    assert not any(word in content for word in _SECRETS)
    assert (read_picture(path).width, read_picture(path).height) == (30, 40)


@pytest.mark.parametrize("suffix", CARRIES_EXIF)
def test_all_metadata_when_asked_for_but_no_pictures(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"result.{suffix}"
    write_picture(original(tmp_path), path, keep_metadata=True)
    exif = exif_of(path)
    assert exif.get_ifd(_GPS)[1] == "N"
    assert exif.get_ifd(_GPS)[2] == (48.0, 51.0, 30.0)
    details = exif.get_ifd(_EXIF)
    assert (details[0xA430], details[0xA431]) == ("OWNER", "SERIAL")
    assert (exif[315], details[0xA437], details[0xA438]) == ("ARTIST", "PHOTOGRAPHER", "EDITOR")
    assert exif.get(274, 1) == 1
    assert not exif.get_ifd(_THUMBNAIL)
    assert b"MAKERNOTE" not in path.read_bytes()


@pytest.mark.parametrize("suffix", ["png", "webp", "tif", "avif"])
def test_exif_is_read_from_every_format(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"original.{suffix}"
    exif = Image.Exif()
    exif[271] = "Maker"
    exif[_EXIF] = {0x9003: "2024:05:06 07:08:09"}
    exif[_GPS] = {1: "N"}
    Image.new("RGB", (40, 30)).save(path, exif=exif.tobytes())
    write_picture(read_picture(path), tmp_path / "result.jpg")
    carried = exif_of(tmp_path / "result.jpg")
    assert carried[271] == "Maker"
    assert carried.get_ifd(_EXIF)[0x9003] == "2024:05:06 07:08:09"
    assert not carried.get_ifd(_GPS)


def test_the_colour_space_of_adobe_rgb_goes_along(tmp_path: Path) -> None:
    """Cameras tell Adobe RGB by nothing but this."""
    exif = Image.Exif()
    exif[_EXIF] = {0xA001: 0xFFFF, 0xA005: {1: "R03"}}
    Image.new("RGB", (40, 30)).save(tmp_path / "original.jpg", exif=exif.tobytes())
    assert exif_of(tmp_path / "original.jpg").get_ifd(ExifTags.IFD.Interop)[1] == "R03"
    write_picture(read_picture(tmp_path / "original.jpg"), tmp_path / "result.png")
    carried = exif_of(tmp_path / "result.png")
    assert carried.get_ifd(_EXIF)[0xA001] == 0xFFFF
    assert carried.get_ifd(ExifTags.IFD.Interop)[1] == "R03"


def test_exif_in_a_text_of_a_png(tmp_path: Path) -> None:
    """The way ImageMagick wrote it for years."""
    text = PngInfo()
    digits = camera_exif().hex()
    text.add_text("Raw profile type exif", f"\nexif\n{len(digits) // 2:8}\n{digits}\n", zip=True)
    Image.new("RGB", (40, 30)).save(tmp_path / "original.png", pnginfo=text)
    picture = read_picture(tmp_path / "original.png")
    assert (picture.width, picture.height) == (30, 40)
    assert picture.metadata.exif is not None


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "bmp"])
def test_resolution_goes_along(tmp_path: Path, suffix: str) -> None:
    Image.new("RGB", (40, 30)).save(tmp_path / "original.jpg", dpi=(300, 150))
    picture = read_picture(tmp_path / "original.jpg")
    assert picture.metadata.dpi == (300.0, 150.0)
    write_picture(picture, tmp_path / f"result.{suffix}")
    with Image.open(tmp_path / f"result.{suffix}") as image:
        assert image.info["dpi"] == pytest.approx((300, 150), abs=0.1)


def test_resolution_turns_with_the_picture(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    Image.new("RGB", (40, 30)).save(tmp_path / "original.jpg", dpi=(300, 150), exif=exif)
    assert read_picture(tmp_path / "original.jpg").metadata.dpi == (150.0, 300.0)


XMP = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description tiff:Orientation="6" exif:GPSLatitude="48,51N">
<dc:creator>Somebody</dc:creator>%s</rdf:Description></rdf:RDF></x:xmpmeta>"""
THUMBNAIL = (
    b"<xmp:Thumbnails><rdf:Alt><rdf:li><xmpGImg:image>/9j/4AAQ</xmpGImg:image></rdf:li></rdf:Alt></xmp:Thumbnails>"
)


@pytest.mark.parametrize("suffix", CARRIES_EXIF)
def test_xmp_only_when_asked_for_and_without_pictures(tmp_path: Path, suffix: str) -> None:
    picture = original(tmp_path, xmp=XMP % THUMBNAIL)
    write_picture(picture, tmp_path / f"without.{suffix}")
    assert b"xmpmeta" not in (tmp_path / f"without.{suffix}").read_bytes()
    write_picture(picture, tmp_path / f"with.{suffix}", keep_metadata=True)
    content = (tmp_path / f"with.{suffix}").read_bytes()
    assert b"<dc:creator>Somebody</dc:creator>" in content
    assert b"GPSLatitude" in content
    assert b"GImg" not in content
    assert b'tiff:Orientation="1"' in content


@pytest.mark.parametrize(
    "inside",
    [
        b"<xmp:Thumbnails><xmpGImg:image>never closed",
        b'<rdf:Description xmpNote:HasExtendedXMP="0123"/>',
        b'<rdf:Description hdrgm:Version="1.0"/>',
        b'<rdf:Description GImage:Data="/9j/4AAQ"/>',
        b"<big>" + b"x" * 65000 + b"</big>",
    ],
)
def test_xmp_that_may_hold_pictures_stays_behind(tmp_path: Path, inside: bytes) -> None:
    path = tmp_path / "original.png"
    text = PngInfo()
    text.add_itxt("XML:com.adobe.xmp", (XMP % inside).decode())
    Image.new("RGB", (40, 30)).save(path, pnginfo=text)
    picture = read_picture(path)
    assert picture.metadata.xmp == b""
    for suffix in CARRIES_EXIF:
        assert write_picture(picture, tmp_path / f"without.{suffix}") == ()
        (note,) = write_picture(picture, tmp_path / f"with.{suffix}", keep_metadata=True)
        assert "XMP" in note


def test_xmp_of_openings_without_end_takes_no_quadratic_time() -> None:
    """Were it so, the limit on the time of a test would end this one."""
    image = Image.new("RGB", (1, 1))
    for text in (
        b"<xmp:Thumbnails>" * 4000,
        b"<xmp:Thumbnails><xap:Thumbnails>" * 2000,
        b"<xmp:Thumbnails>" * 4_000_000,
    ):
        image.info["xmp"] = text
        metadata, _ = read_metadata(image, io.BytesIO())
        assert metadata.xmp_left_out


def test_orientation_in_xmp_alone_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "original.jpg"
    Image.new("RGB", (40, 30)).save(path, xmp=XMP % b"")
    picture = read_picture(path)
    assert (picture.width, picture.height) == (40, 30)
    assert b'tiff:Orientation="6"' in picture.metadata.xmp


def test_iptc_only_when_asked_for(tmp_path: Path) -> None:
    records = b"\x1c\x02\x50\x00\x08Somebody" + b"\x1c\x02\x78\x00\x05Words"
    block = b"Photoshop 3.0\0" + b"8BIM\x04\x0c\0\0" + struct.pack(">I", 8) + b"THUMBNIL"
    block += b"8BIM\x04\x04\0\0" + struct.pack(">I", len(records)) + records + b"\0" * (len(records) % 2)
    segment = b"\xff\xed" + struct.pack(">H", len(block) + 2) + block
    picture = original(tmp_path, extra=segment)
    assert picture.metadata.iptc == records
    write_picture(picture, tmp_path / "without.jpg")
    assert b"Somebody\x1c" not in (tmp_path / "without.jpg").read_bytes()
    for suffix in ("jpg", "tif"):
        write_picture(picture, tmp_path / f"with.{suffix}", keep_metadata=True)
        assert b"THUMBNIL" not in (tmp_path / f"with.{suffix}").read_bytes()
        assert read_picture(tmp_path / f"with.{suffix}").metadata.iptc == records


def test_too_much_exif_stays_behind_only_for_jpeg(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[271] = "Maker"  # without any Pillow would take this for no EXIF at all
    details = exif.get_ifd(_EXIF)
    for tag in range(0x9300, 0x9310):
        details[tag] = b"x" * 8000
    Image.new("RGB", (40, 30)).save(tmp_path / "original.png", exif=exif)
    picture = read_picture(tmp_path / "original.png")
    (note,) = write_picture(picture, tmp_path / "result.jpg")
    assert "too long for JPEG" in note
    assert not exif_of(tmp_path / "result.jpg")
    for suffix in ("png", "webp", "avif", "tif"):
        assert write_picture(picture, tmp_path / f"result.{suffix}") == ()
        assert exif_of(tmp_path / f"result.{suffix}").get_ifd(_EXIF)[0x930F] == b"x" * 8000


def test_a_text_of_a_png_is_not_carried(tmp_path: Path) -> None:
    text = PngInfo()
    text.add_text("Comment", "taken at home")
    Image.new("RGB", (40, 30)).save(tmp_path / "original.png", pnginfo=text)
    write_picture(read_picture(tmp_path / "original.png"), tmp_path / "result.png", keep_metadata=True)
    assert b"taken at home" not in (tmp_path / "result.png").read_bytes()


@pytest.mark.parametrize("value", [(0, 0), (float("nan"), 1), (1, float("inf")), (-1, -1), 72, (72,)])
def test_senseless_resolutions_are_left_out(value: Any) -> None:
    image = Image.new("RGB", (1, 1))
    image.info["dpi"] = value
    metadata, orientation = read_metadata(image, io.BytesIO())
    assert metadata.dpi is None
    assert orientation == 1


@given(st.binary(max_size=300))
def test_any_bytes_for_exif(data: bytes) -> None:
    for head in (b"", b"Exif\0\0II*\0\x08\0\0\0", b"Exif\0\0MM\0*\0\0\0\x08"):
        exif = parse_exif(head + data)
        if exif is not None:
            assert 1 <= exif.orientation <= 8
            again = parse_exif(exif_block(exif, 4, 3, keep_private=True))
            assert again is not None
            assert again.orientation == 1


@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=30))
def test_damaged_camera_exif(changes: list[tuple[int, int]]) -> None:
    data = bytearray(camera_exif())
    for at, value in changes:
        data[at % len(data)] = value
    exif = parse_exif(bytes(data))
    if exif is not None:
        again = parse_exif(exif_block(exif, 4, 3, keep_private=False))
        assert again is not None
        assert not again.gps
        assert 0x927C not in again.exif
