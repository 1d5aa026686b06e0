"""Damaged files and absurd words: a result or a sentence, and nothing else. For longer: ``scripts/fuzz.py``."""

from __future__ import annotations

import random
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facefusion_cli.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from _fuzz_runner import Runner

SCRIPTS = Path(__file__).parents[2] / "scripts"

CASES = {
    "picture": 250,
    "video": 12,
    "sound": 16,
    "inspect": 60,
    "checkpoint": 150,
    "onnx": 200,
    "archive": 200,
    "import": 40,
    "multipart": 150,
    "accept": 100,
    "fields": 150,
    "command": 15,
}
SEED = 7


@pytest.fixture(autouse=True, scope="module")
def _scripts() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SCRIPTS))
        yield


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from _fuzz_entries import make_seeds

    folder = tmp_path_factory.mktemp("seeds")
    make_seeds(folder)
    return folder


@pytest.fixture(scope="module")
def runner(seeds: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    from _fuzz_runner import Runner

    work = tmp_path_factory.mktemp("work")
    (work / "files").symlink_to(seeds / "files")
    with Runner(work) as runner:
        yield runner


@pytest.mark.parametrize("entry", sorted({*CASES} - {"command", "import"}))
def test_what_is_whole_is_taken(seeds: Path, runner: Runner, entry: str) -> None:
    """Else nothing that is made of it would get far."""
    from _fuzz_entries import ENTRIES

    files = ENTRIES[entry].files(seeds)
    assert files
    for file in files[::5] if entry in {"video", "sound"} else files:
        outcome = runner.run(entry, file.read_bytes(), file.suffix)
        assert outcome.kind == "result", f"{file.name}: {outcome.words}"


@pytest.mark.parametrize("entry", CASES)
def test_what_is_damaged_is_taken_or_refused(seeds: Path, runner: Runner, entry: str) -> None:
    from _fuzz_entries import ENTRIES

    for number in range(CASES[entry]):
        key = f"{SEED}/{entry}/{number}"
        content, suffix = ENTRIES[entry].case(seeds, key)
        outcome = runner.run(entry, content, suffix)
        assert outcome.kind != "failed", f"case {key}, {len(content)} bytes: {outcome.words}"


def test_every_way_in_is_tried() -> None:
    from _fuzz_entries import ENTRIES

    assert [*CASES] == [*ENTRIES]


@settings(max_examples=40)
@given(data=st.data())
def test_any_options_can_come_together(seeds: Path, home: Path, data: st.DataObject) -> None:
    from _fuzz_feeds import check_command
    from _fuzz_words import COMMANDS, VALUES, command_of

    command = data.draw(st.sampled_from([*COMMANDS]))
    files = data.draw(st.sampled_from(COMMANDS[command]))
    names = data.draw(st.lists(st.sampled_from([*VALUES[command]]), max_size=6))
    options = [(name, data.draw(st.sampled_from(VALUES[command][name]))) for name in names]
    check_command(command_of(command, files, options), seeds / "files")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACEFUSION_HOME", str(home))
        yield home


# What was found


def test_a_damaged_time_of_a_video(clip: Callable[..., Path]) -> None:
    """It would have taken 200 GB to say which of 25,000,000,000 frames is seen when."""
    from facefusion_cli.core.media.video.probe import probe

    path = clip(
        size=(32, 32),
        frames=601,
        suffix=".mkv",
        filters="settb=1/1000,setpts=if(lt(N\\,600)\\,N*40\\,1e12)",
        extra=["-fps_mode", "passthrough", "-enc_time_base", "1:1000"],
    )
    with pytest.raises(InputError, match=r"is damaged: by its times it would have 2500000000\d frames\.$") as raised:
        probe(path)
    assert raised.value.hint


# What feeds them


def test_the_same_key_makes_the_same_case(seeds: Path) -> None:
    from _fuzz_entries import ENTRIES

    for name, entry in ENTRIES.items():
        assert entry.case(seeds, "1") == entry.case(seeds, "1")
        assert len({entry.case(seeds, str(number)) for number in range(10)}) > 5, name


def test_checksums_of_some_damaged_pngs_are_right(seeds: Path) -> None:
    from _fuzz_mutate import mutated

    whole = (seeds / "pictures" / "plain.png").read_bytes()
    right = wrong = 0
    for number in range(60):
        content = mutated(whole, [whole], random.Random(number))
        if content[12:16] != b"IHDR" or content[:33] == whole[:33] or len(content) < 33:
            continue
        if zlib.crc32(content[12:29]) == int.from_bytes(content[29:33], "big"):
            right += 1
        else:
            wrong += 1
    assert right
    assert wrong


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL"),
        ("import os; os._exit(3)", "exit code 3"),
        ("import time; time.sleep(600)", "time"),
    ],
)
def test_what_says_nothing_has_failed(tmp_path: Path, body: str, where: str) -> None:
    from _fuzz_runner import Runner

    child = tmp_path / "child.py"
    child.write_text(f"input()\n{body}\n")
    with Runner(tmp_path / "work", seconds=1 if where == "time" else 60, child=child) as runner:
        for _ in range(2):  # another child takes the next
            outcome = runner.run("picture", b"x", ".png")
            assert (outcome.kind, outcome.where) == ("failed", where)


def test_what_raises_or_takes_much_has_failed(tmp_path: Path) -> None:
    from _fuzz_runner import Runner

    child = tmp_path / "child.py"
    child.write_text(f"""
import sys
sys.path.insert(0, {str(SCRIPTS)!r})
import _fuzz_child, _fuzz_entries

def feed(path):
    if path.read_bytes() == b"raise":
        raise KeyError("x")
    if path.read_bytes() == b"take":
        bytearray(b"x") * (2 * _fuzz_child.MOST_RESIDENT)
    if path.read_bytes() == b"ask":
        bytearray(_fuzz_child.MEMORY * 2)

_fuzz_child.MEMORY, _fuzz_child.MOST_RESIDENT = 2**28, 2**26
_fuzz_entries.ENTRIES["picture"] = _fuzz_entries.Entry(feed, "")
_fuzz_child.main()
""")
    with Runner(tmp_path / "work", child=child) as runner:
        outcomes = {text: runner.run("picture", text.encode(), "") for text in ("", "raise", "take", "ask")}
    assert outcomes[""].kind == "result"
    assert outcomes["raise"].kind == "failed"
    assert outcomes["raise"].where.startswith("KeyError at child.py")
    if Path("/proc/self/clear_refs").exists():
        assert outcomes["take"].kind == outcomes["ask"].kind == "failed"
