"""The real command in a process of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

COMMAND = [sys.executable, "-m", "facefusion_cli"]
posix = pytest.mark.skipif(os.name != "posix", reason="names and devices are different here")


@pytest.fixture
def facefusion(tmp_path: Path, astronaut: Path, hopper: Path) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Run the command in a folder with a.png and b.jpg; ``env`` adds to the environment."""
    shutil.copy(astronaut, tmp_path / "a.png")
    shutil.copy(hopper, tmp_path / "b.jpg")

    def run(
        *arguments: str | bytes, env: dict[str, str] | None = None, **options: Any
    ) -> subprocess.CompletedProcess[bytes]:
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        environment = os.environ | (env or {})
        command: list[Any] = [*COMMAND, *arguments]
        return cast(
            "subprocess.CompletedProcess[bytes]",
            subprocess.run(command, cwd=tmp_path, env=environment, check=False, **streams),
        )

    return run


def pixels(path: Path) -> NDArray[np.int16]:
    with Image.open(path) as image:
        return np.asarray(image, np.int16)


def test_one_picture(tmp_path: Path, facefusion: Callable[..., subprocess.CompletedProcess[bytes]]) -> None:
    run = facefusion("faceswap", "b.jpg", "a.png")
    assert run.returncode == 0
    assert run.stdout == b"a_swapped.png\n"
    assert re.search(rb"^face of b\.jpg -> a\.png \(mesh engine, \d+\.\d s\)\n\Z", run.stderr, re.MULTILINE)
    before, after = (pixels(tmp_path / name) for name in ("a.png", "a_swapped.png"))
    assert before.shape == after.shape
    assert np.abs(before - after).max() > 50
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "a_swapped.png", "b.jpg"]


def test_without_an_output_name_nothing_is_ever_replaced(
    tmp_path: Path, facefusion: Callable[..., subprocess.CompletedProcess[bytes]]
) -> None:
    (tmp_path / "a_swapped.png").write_bytes(b"mine")
    run = facefusion("faceswap", "b.jpg", "a.png", "--json")
    assert json.loads(run.stdout)["output"] == "a_swapped_2.png"
    assert (tmp_path / "a_swapped.png").read_bytes() == b"mine"
    assert (tmp_path / "a_swapped_2.png").exists()


def test_b28_b73_many_pictures_some_of_them_bad(
    tmp_path: Path, facefusion: Callable[..., subprocess.CompletedProcess[bytes]], no_face: Path
) -> None:
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "new").mkdir()
    targets = ["a.png", str(no_face), "text.jpg", "gone.jpg", "b.jpg"]
    run = facefusion("faceswap", "b.jpg", *targets, "-o", "new/{stem}-b{suffix}", "--json")
    assert run.returncode == 1
    records = [json.loads(line) for line in run.stdout.splitlines()]
    assert [record["target"] for record in records] == targets
    assert [record["ok"] for record in records] == [True, False, False, False, True]
    made = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert made == [".facefusion-journal.jsonl", "a-b.png", "b-b.jpg"]
    *_, summary = run.stderr.decode().splitlines()
    assert summary == f'error: 3 of 5 files failed: "{no_face}", "text.jpg", "gone.jpg".'


@posix
def test_a_target_that_may_not_be_read_does_not_stop_the_others(tmp_path: Path) -> None:
    # Root may read anything: what Typer asks the system is answered for it.
    program = (
        "import os, sys\n"
        "from facefusion_cli.cli import main\n"
        "asked = os.access\n"
        "os.access = lambda path, mode, **more: not str(path).endswith('no.jpg') and asked(path, mode, **more)\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    (tmp_path / "no.jpg").write_bytes(b"x")
    (tmp_path / "also.jpg").write_bytes(b"x")
    (tmp_path / "out").mkdir()
    run = subprocess.run(
        [sys.executable, "-c", program, "faceswap", "missing.jpg", "no.jpg", "also.jpg", "-o", "out/"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert run.returncode == 1
    assert b'"missing.jpg"' in run.stderr


def test_f01_of_many_pictures_those_done_before_stay_and_the_others_are_made(
    tmp_path: Path, facefusion: Callable[..., subprocess.CompletedProcess[bytes]]
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.png").write_bytes(b"from an earlier run")
    run = facefusion("faceswap", "b.jpg", "a.png", "b.jpg", "-o", "out/", "--no-clobber", "--json")
    assert run.returncode == 1
    first, second = (json.loads(line) for line in run.stdout.splitlines())
    assert (first["ok"], first["error"]["code"]) == (False, "output-exists")
    assert (second["ok"], second["output"]) == (True, str(Path("out", "b.jpg")))
    assert (tmp_path / "out" / "a.png").read_bytes() == b"from an earlier run"


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (["faceswap", "b.jpg", "a.png", "-o", "c.jpg"], 0),
        (["faceswap", "b.jpg", "gone.png", "-o", "c.jpg"], 1),
        (["faceswap", "b.jpg", "a.png", "-o", "c.txt"], 2),
        (["faceswap", "b.jpg", "a.png", "--face", "7", "-o", "c.jpg"], 3),
    ],
)
def test_exit_codes(
    facefusion: Callable[..., subprocess.CompletedProcess[bytes]], arguments: list[str], exit_code: int
) -> None:
    run = facefusion(*arguments)
    assert run.returncode == exit_code
    assert run.stderr.splitlines()[-1].startswith(b"error: ") == (exit_code != 0)


ODD_NAMES = [
    "with space.png",
    "-o.png",
    "--help.png",
    "12:30.png",
    "%03d.png",
    "quote'\".png",
    "ünï çödé.png",
    "u\u0308 decomposed.png",
    "日本　語.png",
    "👩‍🚀.png",
    "[red]rich[b].png",
    "{stem}.png",
    "back\\slash.png",
    "two\nlines.png",
    "\x1b[31mred.png",
    "n" * 251 + ".png",
    os.fsdecode(b"not \xff text.png"),
]


@pytest.mark.parametrize("source", ["b.jpg", ODD_NAMES[-1]], ids=ascii)
@posix
def test_b71_odd_names(
    tmp_path: Path, facefusion: Callable[..., subprocess.CompletedProcess[bytes]], source: str
) -> None:
    for name in ODD_NAMES:
        shutil.copy(tmp_path / "a.png", tmp_path / name)
    (tmp_path / "out").mkdir()
    run = facefusion("faceswap", "-o", "out/", "--", os.fsencode(source), *map(os.fsencode, ODD_NAMES))
    assert run.returncode == 0, run.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*ODD_NAMES, ".facefusion-journal.jsonl"}
    assert run.stdout == b"".join(b"out/" + os.fsencode(name) + b"\n" for name in ODD_NAMES)
    assert sum(line.startswith(b"face of ") for line in run.stderr.splitlines()) == len(ODD_NAMES)
    assert all(line.startswith((b"face of ", b"warning: ")) for line in run.stderr.splitlines()[:-1])
    assert run.stderr.splitlines()[-1].startswith(b"17 made in ")
    assert b"\x1b" not in run.stderr


@posix
def test_odd_names_as_json(tmp_path: Path, facefusion: Callable[..., subprocess.CompletedProcess[bytes]]) -> None:
    run = facefusion("faceswap", "--json", "-o", "{stem}.jpg", "--", "b.jpg", *map(os.fsencode, ODD_NAMES))
    assert run.returncode == 1
    records = [json.loads(line) for line in run.stdout.splitlines()]
    assert sorted(record["target"] for record in records) == sorted(ODD_NAMES)
    # The errors name the files as they are, stderr shows them on one line each.
    assert all(record["target"] in record["error"]["message"] for record in records)
    assert run.stderr.count(b"\n") == len(ODD_NAMES) + 2
    assert b"\x1b" not in run.stderr


@pytest.mark.parametrize(
    "env",
    [
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONWARNINGS": "error"},
        {"PYTHONOPTIMIZE": "2"},
        {"GITHUB_ACTIONS": "true", "TERM": "xterm"},
        {"FORCE_COLOR": "1", "TERM": "xterm"},
        {"COLUMNS": "20", "TERM": "xterm", "NO_COLOR": ""},
        {"HOME": "/nonexistent"},
    ],
    ids=lambda env: next(iter(env)),
)
@posix
def test_f31_f47_f48_odd_surroundings(
    tmp_path: Path, facefusion: Callable[..., subprocess.CompletedProcess[bytes]], env: dict[str, str]
) -> None:
    name = "ä.png".encode()
    (tmp_path / "a.png").rename(tmp_path / "ä.png")
    run = facefusion("faceswap", "b.jpg", name, env=env)
    assert run.returncode == 0, run.stderr
    assert run.stdout == "ä_swapped.png\n".encode()
    assert b"\x1b" not in run.stderr
    run = facefusion("faces", name, env=env)
    assert run.returncode == 0, run.stderr
    assert b"\x1b" not in run.stdout + run.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["faceswap", "--help"], ["faces", "--help"]])
def test_help_in_a_pipe_is_plain(
    facefusion: Callable[..., subprocess.CompletedProcess[bytes]], arguments: list[str]
) -> None:
    run = facefusion(*arguments, env={"TERM": "xterm"})
    assert run.returncode == 0
    assert b"\x1b" not in run.stdout
    for jargon in (b"<bool>", b"<path>", b"list[", b"<str>", b"{SOURCE}"):
        assert jargon not in run.stdout


def test_help_says_at_once_whose_face_goes_where(
    facefusion: Callable[..., subprocess.CompletedProcess[bytes]],
) -> None:
    lines = [line.strip() for line in facefusion("faceswap", "-h").stdout.decode().splitlines() if line.strip()]
    assert lines[0] == "Usage: facefusion faceswap [OPTIONS] SOURCE TARGET..."
    assert lines[1] == "Put the face of SOURCE into TARGET."


def test_the_version(facefusion: Callable[..., subprocess.CompletedProcess[bytes]]) -> None:
    import facefusion_cli

    assert facefusion("--version").stdout.decode() == f"facefusion {facefusion_cli.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "suggestion"),
    [
        (["facewap", "a", "b"], b"'faceswap'"),
        (["faceswap", "--enigne", "mesh", "a", "b"], b"--engine"),
    ],
)
def test_a_slip_of_the_finger_gets_a_suggestion(
    facefusion: Callable[..., subprocess.CompletedProcess[bytes]], arguments: list[str], suggestion: bytes
) -> None:
    run = facefusion(*arguments)
    assert run.returncode == 2
    assert suggestion in run.stderr
    assert run.stdout == b""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("facefusion fac", {"faceswap", "faces"}),
        ("facefusion faceswap --engine ", {"auto", "inswapper", "mesh"}),
        ("facefusion faceswap --face l", {"largest", "left"}),
        ("facefusion faceswap --face a", {"all"}),
        ("facefusion faceswap --source-face a", set()),
        ("facefusion faceswap --no", {"--no-clobber", "--no-mark", "--no-resume"}),
    ],
)
def test_shell_completion(
    facefusion: Callable[..., subprocess.CompletedProcess[bytes]], words: str, expected: set[str]
) -> None:
    cursor = len(words.split(" ")) - 1
    env = {"_FACEFUSION_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(cursor)}
    run = facefusion(env=env)
    assert set(run.stdout.decode().split()) == expected


@posix
def test_f47_a_reader_that_leaves_ends_it_quietly(
    tmp_path: Path, facefusion: Callable[..., subprocess.CompletedProcess[bytes]]
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    run = facefusion("faces", "a.png", stdout=writing)
    os.close(writing)
    assert run.returncode == 141
    assert run.stderr == b""


@posix
def test_help_into_a_closed_pipe_is_quiet(facefusion: Callable[..., subprocess.CompletedProcess[bytes]]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    run = facefusion("--help", stdout=writing)
    os.close(writing)
    assert run.stderr == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_full_disk_behind_stdout(
    tmp_path: Path, facefusion: Callable[..., subprocess.CompletedProcess[bytes]], options: list[str]
) -> None:
    with Path("/dev/full").open("wb") as full:
        run = facefusion("faceswap", "b.jpg", "a.png", *options, stdout=full)
    assert run.returncode == 1
    assert run.stderr.splitlines()[-1].startswith(b"error: the result cannot be written to the standard output: ")
    assert b"Traceback" not in run.stderr
    assert (tmp_path / "a_swapped.png").exists()


@posix
def test_closed_streams(facefusion: Callable[..., subprocess.CompletedProcess[bytes]], tmp_path: Path) -> None:
    shell = f'exec "{sys.executable}" -m facefusion_cli faceswap b.jpg a.png >&- 2>&-'
    assert subprocess.run(["sh", "-c", shell], cwd=tmp_path, check=False).returncode == 0
    assert (tmp_path / "a_swapped.png").exists()


def test_the_faces_of_a_picture(
    tmp_path: Path, facefusion: Callable[..., subprocess.CompletedProcess[bytes]], group: Path
) -> None:
    shutil.copy(group, tmp_path / "group.jpg")
    run = facefusion("faces", "group.jpg", "-o", "numbered.png")
    assert run.returncode == 0
    assert run.stderr == b""
    header, *rows, path = run.stdout.decode().splitlines()
    assert header.split() == ["index", "left", "top", "right", "bottom", "size", "score"]
    assert [row.split()[0] for row in rows] == ["0", "1", "2", "3", "4", "5"]
    lefts = [int(row.split()[1]) for row in rows]
    assert lefts == sorted(lefts)
    assert path == "numbered.png"
    assert pixels(tmp_path / "numbered.png").shape == pixels(group).shape


def test_the_numbered_copy_replaces_a_file_but_not_with_no_clobber(
    tmp_path: Path, facefusion: Callable[..., subprocess.CompletedProcess[bytes]]
) -> None:
    (tmp_path / "numbered.png").write_bytes(b"mine")
    run = facefusion("faces", "a.png", "-o", "numbered.png", "--no-clobber", "--json")
    assert run.returncode == 1
    assert json.loads(run.stdout)["error"]["code"] == "output-exists"
    assert (tmp_path / "numbered.png").read_bytes() == b"mine"
    assert facefusion("faces", "a.png", "-o", "numbered.png").returncode == 0
    assert (tmp_path / "numbered.png").read_bytes() != b"mine"


def test_both_commands_say_the_same_of_a_picture_without_faces(
    facefusion: Callable[..., subprocess.CompletedProcess[bytes]], no_face: Path
) -> None:
    listed = facefusion("faces", str(no_face))
    swapped = facefusion("faceswap", "b.jpg", str(no_face), "-o", "c.png")
    assert listed.returncode == swapped.returncode == 3
    assert b" Use a picture in which the face is larger" in listed.stderr
    assert listed.stderr.splitlines()[-1] == swapped.stderr.splitlines()[-1]


def test_the_faces_of_a_picture_as_json(
    tmp_path: Path, facefusion: Callable[..., subprocess.CompletedProcess[bytes]], group: Path
) -> None:
    with Image.open(group) as image:
        image.resize((320, 222), Image.Resampling.LANCZOS).save(tmp_path / "group.png")
    (record,) = map(json.loads, facefusion("faces", "group.png", "--json").stdout.splitlines())
    faces = record.pop("faces")
    assert record == {
        "schema": 1,
        "ok": True,
        "file": "group.png",
        "width": 320,
        "height": 222,
        "engine": "mesh",
        "annotated": None,
        "warnings": [],
    }
    assert [face["index"] for face in faces] == [0, 1, 2, 3, 4, 5]
    for face in faces:
        assert set(face) == {"index", "box", "size", "score", "roll", "points", "swappable"}
        x1, y1, x2, y2 = face["box"]
        assert all(x1 < x < x2 and y1 < y < y2 for x, y in face["points"])
        assert len(face["points"]) == 5
        assert face["swappable"] == (face["size"] >= 24)
    assert {face["swappable"] for face in faces} == {True, False}
    table = facefusion("faces", "group.png").stdout.decode()
    assert table.count("too small to swap") == sum(not face["swappable"] for face in faces)
