"""The benchmarks of weights, directories and the start of the command run, on small files."""

from __future__ import annotations

from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture(autouse=True)
def _scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))


def test_a_file_is_verified_and_fetched(direct: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from _bench_frame import measure
    from _bench_store import verify_groups

    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")  # what the benchmark puts there instead is undone
    groups = verify_groups(300_000)
    stored = next(groups)
    assert stored.title == "a stored file of 300,000 bytes"
    hashed, verified, looked, copied = measure(stored.cases, 1)
    assert hashed.case == "SHA-256 of the bytes in memory (hashlib)"
    assert verified.gbytes_s is not None
    assert verified.of_yardstick == pytest.approx(verified.gbytes_s / (copied.gbytes_s or 0))
    assert looked.gbytes_s is None
    plain, fetched, _ = measure(next(groups).cases, 1)
    assert plain.case == "fetch it with urllib, hash it, write it"
    assert fetched.gbytes_s is not None
    assert next(groups, None) is None


def test_a_directory_opens_its_networks_once(tmp_path: Path) -> None:
    from _bench_directory import directory_group
    from _bench_frame import measure

    group = directory_group(tmp_path, pictures=3, loop=1)
    loop, many, one = measure(group.cases, 1, warm_up=False)
    assert loop.case == "a loop of 1, one process a picture"
    assert many.facts.keys() >= {"useful", "of_all", "start_s", "decode_ms", "swap_ms", "encode_ms", "sign_ms"}
    assert many.facts["networks"] == one.facts["networks"]
    of_all, useful, placed = (float(str(many.facts[name]).rstrip("%")) for name in ("of_all", "useful", "placed"))
    assert 0 < of_all < placed <= 100
    assert 0 < useful < placed


def test_the_first_line_of_work_on_a_video_is_awaited() -> None:
    from _bench_frame import measure
    from _bench_startup import STARTUP

    groups = STARTUP.groups(None)
    next(groups)
    rows = measure(next(groups).cases, 1, warm_up=False)
    assert [row.case for row in rows] == [
        "an empty Typer app --help",
        "facefusion faceswap --engine mesh",
        "facefusion lipsync --engine mouth",
    ]
