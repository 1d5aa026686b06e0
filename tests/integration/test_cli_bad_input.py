"""Whatever is wrong with what the command is given: the exit code, one clear sentence, no file left behind."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from facefusion_cli.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, astronaut: Path, hopper: Path, no_face: Path) -> Path:
    """The current folder, with good pictures in it: a.png, b.jpg and nobody.png."""
    shutil.copy(astronaut, tmp_path / "a.png")
    shutil.copy(hopper, tmp_path / "b.jpg")
    shutil.copy(no_face, tmp_path / "nobody.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def missing(path: Path) -> None:
    pass


def folder(path: Path) -> None:
    path.mkdir()


def empty(path: Path) -> None:
    path.touch()


def text(path: Path) -> None:
    path.write_text("This is no picture.\n" * 100)


def truncated(path: Path) -> None:
    whole = Path("b.jpg").read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def start_only(path: Path) -> None:
    path.write_bytes(Path("b.jpg").read_bytes()[:200])


def truncated_png(path: Path) -> None:
    whole = Path("a.png").read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def bomb(path: Path) -> None:
    """A PNG of 20000 x 20000 pixels in some 50 kB, as others would make it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    side = 20000
    header = side.to_bytes(4, "big") * 2 + bytes([1, 0, 0, 0, 0])
    rows = zlib.compress(bytes(side * (1 + side // 8)))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b""))


def drawing(path: Path) -> None:
    path.write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><circle r="4"/></svg>')


def document(path: Path) -> None:
    path.write_bytes(b"%PDF-1.7\n" + bytes(1000))


def pixel(path: Path) -> None:
    Image.new("RGB", (1, 1)).save(path, "PNG")


def faceless(path: Path) -> None:
    shutil.copy("nobody.png", path)


def tiny_face(path: Path) -> None:
    with Image.open("a.png") as image:
        image.convert("RGB").resize((96, 96), Image.Resampling.LANCZOS).save(path, "PNG")


def link_loop(path: Path) -> None:
    path.symlink_to(path)


def pipe(path: Path) -> None:
    os.mkfifo(path)


posix = pytest.mark.skipif(os.name != "posix", reason="there are no such files here")
MESH = ("--engine", "mesh")  # which no warning precedes
BAD = [
    pytest.param(missing, 1, "there is no file", id="b01-missing"),
    pytest.param(folder, 1, "is a folder", id="b02-folder"),
    pytest.param(empty, 1, "is empty", id="b03-empty"),
    pytest.param(text, 1, "is not a picture", id="b04-text"),
    pytest.param(truncated, 1, "damaged or incomplete. Where a picture viewer", id="b10-truncated"),
    pytest.param(start_only, 1, "damaged", id="b11-start-only"),
    pytest.param(truncated_png, 1, "damaged or incomplete", id="b13-truncated-png"),
    pytest.param(bomb, 1, "the limit is 100 million", id="b06-bomb"),
    pytest.param(drawing, 1, "is an SVG drawing", id="b23-svg"),
    pytest.param(document, 1, "is a PDF document", id="b23-pdf"),
    pytest.param(pixel, 3, "no face was found in", id="b09-one-pixel"),
    pytest.param(faceless, 3, "no face was found in", id="b27-b28-no-face"),
    pytest.param(tiny_face, 3, "pixels wide", id="b31-too-small"),
    pytest.param(link_loop, 1, "link that leads to itself", id="b72-link-loop", marks=posix),
    pytest.param(pipe, 1, "not an ordinary file", id="b72-pipe", marks=posix),
]


@pytest.mark.parametrize(("make", "exit_code", "sentence"), BAD)
@pytest.mark.parametrize("role", ["source", "target"])
def test_a_bad_picture(
    place: Path,
    capsys: pytest.CaptureFixture[str],
    make: Callable[[Path], None],
    exit_code: int,
    sentence: str,
    role: str,
) -> None:
    make(place / "bad.jpg")
    before = set(place.iterdir())
    pictures = ["bad.jpg", "a.png"] if role == "source" else ["a.png", "bad.jpg"]
    assert main(["faceswap", *pictures, "-o", "out.png", "--json", *MESH]) == exit_code
    out, err = capsys.readouterr()
    assert err.startswith("error: ")
    assert err.count("\n") == 1, "one line"
    assert '"bad.jpg"' in err, "which names the file"
    assert ("holds no picture or video" if make is folder and role == "target" else sentence) in err
    record = json.loads(out)
    assert record["ok"] is False
    assert record["error"]["exit_code"] == exit_code
    assert set(place.iterdir()) == before


@pytest.mark.parametrize(("make", "exit_code", "sentence"), [case for case in BAD if case.id != "b31-too-small"])
def test_a_bad_picture_to_list_the_faces_of(
    place: Path, capsys: pytest.CaptureFixture[str], make: Callable[[Path], None], exit_code: int, sentence: str
) -> None:
    make(place / "bad.jpg")
    before = set(place.iterdir())
    assert main(["faces", "bad.jpg", "-o", "out.png"]) == exit_code
    out, err = capsys.readouterr()
    assert out == ""
    assert sentence in err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert set(place.iterdir()) == before


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP"])
def test_b21_of_an_animation_the_first_frame_is_used_with_a_warning(
    place: Path, capsys: pytest.CaptureFixture[str], format: str
) -> None:
    with Image.open("a.png") as image:
        first = image.convert("RGB")
    name = f"moving.{format.lower()}"
    first.save(name, format, save_all=True, append_images=[Image.new("RGB", first.size, "red")] * 2, duration=100)
    assert main(["faceswap", "b.jpg", name, "-o", "out.png"]) == 0
    out, err = capsys.readouterr()
    assert out == "out.png\n"
    assert "warning: " in err
    assert "first frame" in err
    with Image.open("out.png") as image:
        result = np.asarray(image.convert("RGB"), np.int16)
    assert np.abs(result[:40] - np.asarray(first, np.int16)[:40]).mean() < 30, "the first frame, and not the red one"


@pytest.mark.parametrize(
    ("options", "exit_code", "sentence"),
    [
        (["--face", "1"], 3, 'there is no face 1 in "a.png"'),
        (["--source-face", "4"], 3, 'there is no face 4 in "b.jpg"'),
        (["--face", "biggest"], 2, '"biggest" is no choice of face. --face takes largest, left, right, all'),
        (["--face", "-1"], 2, '"-1" is no choice of face. --face takes'),
        (["--source-face", "all"], 2, '"all" is no choice of face. --source-face takes'),
        (["--engine", "warp"], 2, 'there is no engine "warp"'),
        (["--image-quality", "0"], 2, "0 is no image quality"),
        (["--image-quality", "101"], 2, "101 is no image quality"),
        (["--image-quality", "high"], 2, "--image-quality"),
        (["--no-such-option"], 2, "no such option: --no-such-option"),
        (["-o", "out.xyz"], 2, 'asks for the format ".xyz"'),
        (["-o", "out"], 2, "no suffix"),
        (["-o", "{name}{no}.png"], 2, "unknown placeholder {no}"),
        (["-o", ""], 2, "the name of the output is empty"),
        (["-o", "missing/out.png"], 1, "does not exist"),
        (["-o", "missing/"], 1, "does not exist"),
        (["-o", "a.png/out.png"], 1, "is a file, so the output"),
        (["-o", "a.png"], 1, 'is the same file as the input "a.png"'),
        (["-o", "./b.jpg"], 1, 'is the same file as the input "b.jpg"'),
        (["-o", "old.png", "--no-clobber"], 1, "exists already"),
    ],
)
def test_f01_f02_f03_options_that_cannot_be(
    place: Path, capsys: pytest.CaptureFixture[str], options: list[str], exit_code: int, sentence: str
) -> None:
    shutil.copy("nobody.png", "old.png")
    before = contents(place)
    output = [] if "-o" in options else ["-o", "out.png"]
    assert main(["faceswap", *MESH, "b.jpg", "a.png", *options, *output]) == exit_code
    out, err = capsys.readouterr()
    assert out == ""
    assert sentence in err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert contents(place) == before


@pytest.mark.parametrize("link", ["symlink", "hard link"])
@pytest.mark.parametrize("command", ["faceswap", "faces"])
def test_f02_an_output_that_is_an_input_by_another_name(
    place: Path, capsys: pytest.CaptureFixture[str], link: str, command: str
) -> None:
    if link == "symlink":
        Path("other.png").symlink_to("a.png")
    else:
        os.link("a.png", "other.png")
    before = contents(place)
    pictures = ["b.jpg", "a.png", *MESH] if command == "faceswap" else ["a.png"]
    assert main([command, *pictures, "-o", "other.png"]) == 1
    assert "is the same file as the input" in capsys.readouterr().err
    assert contents(place) == before


def test_several_targets_need_to_be_told_where_results_go(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(place)
    assert main(["faceswap", "b.jpg", "a.png", "nobody.png"]) == 2
    assert main(["faceswap", "b.jpg", "a.png", "nobody.png", "-o", "out.png"]) == 2
    err = capsys.readouterr().err
    assert err.count("error: 2 targets ") == 2
    assert contents(place) == before


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mount a file system with the given options."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root may mount, and only Linux has tmpfs")
    disk = tmp_path / "disk"
    disk.mkdir()

    def mount(options: str) -> Path:
        run = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", disk], capture_output=True, text=True)
        if run.returncode != 0:
            pytest.skip(f"mounting is not allowed here: {run.stderr.strip()}")
        return disk

    yield mount
    subprocess.run(["umount", disk], check=False, capture_output=True)


def test_f04_a_read_only_folder(
    place: Path, small_disk: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    disk = small_disk("ro,size=1m")
    assert main(["faceswap", "b.jpg", "a.png", "-o", str(disk / "out.png")]) == 1
    assert "the file system is read-only" in capsys.readouterr().err
    assert list(disk.iterdir()) == []


@pytest.mark.parametrize("command", ["faceswap", "faces"])
def test_f05_a_full_disk(
    place: Path, small_disk: Callable[[str], Path], capsys: pytest.CaptureFixture[str], command: str
) -> None:
    disk = small_disk("size=100k")
    pictures = ["b.jpg", "a.png", *MESH] if command == "faceswap" else ["a.png"]
    assert main([command, *pictures, "-o", str(disk / "out.png"), "--json"]) == 1
    out, err = capsys.readouterr()
    assert "no space is left on the disk" in err
    assert err.count("\n") == 1
    assert json.loads(out)["error"]["code"] == "output"
    assert list(disk.iterdir()) == []


def test_f22_no_memory(place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_arguments: object, **_options: object) -> None:
        raise MemoryError

    monkeypatch.setattr("facefusion_cli.core.faceswap.picture.composite", exhausted)
    before = contents(place)
    assert main(["faceswap", "b.jpg", "a.png", "-o", "out.png", *MESH]) == 1
    assert capsys.readouterr().err.startswith("error: there is not enough memory. ")
    assert contents(place) == before


def test_an_error_nobody_thought_of(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: object, **_options: object) -> None:
        raise ZeroDivisionError("division\nby zero")

    monkeypatch.setattr("facefusion_cli.core.faceswap.picture.composite", broken)
    before = contents(place)
    assert main(["faceswap", "b.jpg", "a.png", "-o", "out.png", *MESH]) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "this is a bug in facefusion: ZeroDivisionError: division\\nby zero" in err
    assert main(["faceswap", "b.jpg", "a.png", "-o", "out.png", "--json", *MESH]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["exit_code"] == 1
    assert main(["faceswap", "b.jpg", "a.png", "-o", "out.png", "-v", *MESH]) == 1
    err = capsys.readouterr().err
    assert err.startswith("Traceback ")
    assert "in broken" in err
    assert contents(place) == before


def test_errors_of_the_operating_system(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_arguments: object, **_options: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO), "a.png")

    monkeypatch.setattr("facefusion_cli.core.faces.finder.FaceAnalyser.find", refused)
    assert main(["faces", "a.png"]) == 1
    assert capsys.readouterr().err == 'error: Input/output error: "a.png".\n'
