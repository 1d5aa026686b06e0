"""Which type a result has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from facefusion_cli.api.negotiation import PICTURES, VIDEOS, acceptable, choose_suffix, media_type
from facefusion_cli.api.sniffing import sniff
from facefusion_cli.core.media.formats import output_format

if TYPE_CHECKING:
    from facefusion_cli.core.media.formats import Kind

BROWSER = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "target", "suffix"),
    [
        ("", "a.jpg", ".jpg"),
        ("*/*", "a.webp", ".webp"),
        ("*/*", "a.heic", ".jpg"),
        ("*/*", "a", ".png"),
        ("image/*", "a.tif", ".tif"),
        (BROWSER, "a.jpg", ".jpg"),
        ("image/png", "a.jpg", ".png"),
        ("IMAGE/PNG; charset=x", "a.jpg", ".png"),
        ("image/jpg", "a.png", ".jpg"),
        ("image/jpeg;q=0.2, image/webp;q=0.7", "a.jpg", ".webp"),
        ("image/*;q=0.5, image/jpeg;q=0", "a.jpg", ".png"),
        ("*/*, image/jpeg;q=0.1", "a.jpg", ".png"),
        ("image/png;q=0", "a.jpg", None),
        ("image/png;q=2", "a.jpg", None),
        ("text/html", "a.jpg", None),
        ("video/mp4", "a.jpg", None),
        ("nonsense", "a.jpg", ".jpg"),
    ],
)
def test_the_most_welcome_type_of_a_picture(accept: str, target: str, suffix: str | None) -> None:
    assert choose_suffix(accept, Path(target), "picture") == suffix


@pytest.mark.parametrize(
    ("accept", "target", "suffix"),
    [
        ("", "a.mov", ".mov"),
        ("video/*", "a.mkv", ".mkv"),
        ("video/webm", "a.mp4", ".webm"),
        ("video/x-matroska", "a.mp4", ".mkv"),
        ("*/*", "a.ts", ".mp4"),
        ("image/png", "a.mp4", None),
    ],
)
def test_the_most_welcome_type_of_a_video(accept: str, target: str, suffix: str | None) -> None:
    assert choose_suffix(accept, Path(target), "video") == suffix


@pytest.mark.parametrize(("accept", "picture", "video"), [("", True, True), ("image/png", True, False)])
def test_what_is_hopeless_is_known_at_once(accept: str, picture: bool, video: bool) -> None:
    assert acceptable(accept, "picture") is picture
    assert acceptable(accept, "video") is video
    assert acceptable(accept, "picture", "video")
    assert not acceptable("application/json", "picture", "video")


@pytest.mark.parametrize(("types", "kind"), [(PICTURES, "picture"), (VIDEOS, "video")])
def test_every_type_can_be_written(types: dict[str, str], kind: Kind) -> None:
    for suffix, name in types.items():
        assert output_format(Path(f"a{suffix}"), kind)
        assert media_type(Path(f"a{suffix}")) == name


@pytest.mark.parametrize(
    ("head", "kind", "suffix"),
    [
        (b"\xff\xd8\xff\xe0", "picture", ".jpg"),
        (b"\0\0\0\x1cftypheic", "picture", ".heic"),
        (b"GIF89a", "picture", ""),
        (b"\0\0\0\x18ftypisom", "video", ".mp4"),
        (b"\0\0\0\x14ftypqt  ", "video", ".mov"),
        (b"\0\0\0\x08wide\0\0\0\0mdat", "video", ".mov"),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm", "video", ".webm"),
        (b"\x1a\x45\xdf\xa3\xa3\x42\x86\x81\x01\x42\x82\x88matroska", "video", ".mkv"),
        (b"RIFF\0\0\0\0AVI LIST", "video", ".avi"),
    ],
)
def test_a_target_says_by_its_content_what_it_is(head: bytes, kind: str, suffix: str) -> None:
    assert sniff(head, "target_image", ("picture", "video")) == (kind, suffix)
