"""Weights out of zip files, and zip files that mean harm."""

from __future__ import annotations

import stat
import struct
import zipfile
from typing import TYPE_CHECKING

import pytest

from facefusion_cli.core.weights.archive import extract_member
from facefusion_cli.errors import WeightsDamagedError

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = bytes(range(256)) * 20


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "given.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("net.onnx", CONTENT)
        opened.writestr("other.onnx", b"other")
    return path


def extract(path: Path, member: str = "net.onnx", size: int = len(CONTENT)) -> Path:
    target = path.with_name("target")
    extract_member(path, member, size, target, "pack.zip")
    return target


def refusal(path: Path, member: str = "net.onnx", size: int = len(CONTENT)) -> str:
    before = {*path.parent.parent.rglob("*")}
    with pytest.raises(WeightsDamagedError) as raised:
        extract(path, member, size)
    assert {*path.parent.parent.rglob("*")} - before <= {path.with_name("target")}
    return raised.value.message.removeprefix('"pack.zip" is damaged: ')


def test_one_member(archive: Path) -> None:
    assert extract(archive).read_bytes() == CONTENT


def test_f45_names_and_sizes_are_exact(archive: Path) -> None:
    assert refusal(archive, "Net.onnx") == 'it has no "Net.onnx".'
    assert refusal(archive, size=5) == f'its "net.onnx" has {len(CONTENT)} bytes instead of 5.'


def test_f45_paths_in_the_archive_are_no_paths(archive: Path) -> None:
    with zipfile.ZipFile(archive, "a") as opened:
        opened.writestr("../net.onnx", CONTENT)
        opened.writestr("/tmp/net.onnx", CONTENT)
    assert refusal(archive, "tmp/net.onnx") == 'it has no "tmp/net.onnx".'
    assert extract(archive, "../net.onnx") == archive.with_name("target")
    assert not (archive.parents[1] / "net.onnx").exists()


def test_f45_links_are_files(archive: Path, tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(archive, "a") as opened:
        opened.writestr(link, "/etc/passwd")
    target = extract(archive, "link", 11)
    assert not target.is_symlink()
    assert target.read_bytes() == b"/etc/passwd"


def _directory_entry(content: bytearray) -> int:
    return content.index(b"PK\x01\x02")


def test_f45_bomb_that_lies_about_its_size(archive: Path) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("net.onnx", bytes(50_000_000))
    content = bytearray(archive.read_bytes())
    struct.pack_into("<L", content, 22, 1000)
    struct.pack_into("<L", content, _directory_entry(content) + 24, 1000)
    archive.write_bytes(content)
    assert refusal(archive, size=1000) == "it cannot be unpacked."
    assert archive.with_name("target").stat().st_size <= 1001


def test_flipped_byte(archive: Path) -> None:
    content = bytearray(archive.read_bytes())
    content[60] ^= 0xFF
    archive.write_bytes(content)
    assert refusal(archive) == "it cannot be unpacked."


def test_unusual_packing(archive: Path) -> None:
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with zipfile.ZipFile(archive, "w", method) as opened:
            opened.writestr("net.onnx", CONTENT)
        assert refusal(archive) == 'its "net.onnx" is packed in an unusual way.'


def test_encrypted(archive: Path) -> None:
    content = bytearray(archive.read_bytes())
    content[_directory_entry(content) + 8] |= 1
    archive.write_bytes(content)
    assert refusal(archive) == 'its "net.onnx" is packed in an unusual way.'


def test_cut_files(archive: Path) -> None:
    content = archive.read_bytes()
    for length in range(0, len(content), 7):
        archive.write_bytes(content[:length])
        assert refusal(archive) == "it cannot be unpacked."


def test_a_member_before_the_beginning(archive: Path) -> None:
    content = bytearray(archive.read_bytes())
    end = content.rindex(b"PK\x05\x06")
    struct.pack_into("<L", content, end + 16, struct.unpack_from("<L", content, end + 16)[0] + 500)
    archive.write_bytes(content)
    assert refusal(archive) == "it cannot be unpacked."


def test_a_member_that_is_shorter_than_it_says(archive: Path) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as opened:
        opened.writestr("net.onnx", CONTENT)
    content = bytearray(archive.read_bytes())
    struct.pack_into("<L", content, _directory_entry(content) + 20, 100)
    archive.write_bytes(content)
    assert refusal(archive) == "it cannot be unpacked."
