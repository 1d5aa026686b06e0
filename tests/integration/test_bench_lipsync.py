"""The benchmarks of lip sync run, on a small clip and with a narrow network."""

from __future__ import annotations

from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture(autouse=True)
def _scripts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    monkeypatch.setenv("FACEFUSION_HOME", str(tmp_path))  # what the benchmarks put there instead is undone


def test_each_part_of_a_lip_sync_has_a_share_of_the_whole() -> None:
    from _bench_frame import measure
    from _bench_lipsync import speed_groups

    groups = speed_groups(320, 240, seconds=0.6, channels=1)  # has the files, for as long as it is there
    group = next(groups)
    assert group.title.startswith("Wav2Lip, ")
    assert group.title.endswith("320 x 240, 15 frames")
    rows = measure(group.cases, repeats=1)
    assert [row.case for row in rows] == [
        "read and write the frames, nothing else",
        "everything",
        "read the frames, twice",
        "look for faces and follow them",
        "generator",
        "cut out, lay back in",
        "write the frames",
        rows[-1].case,
    ]
    assert rows[-1].case.startswith("matrix product, ")
    assert rows[4].of_yardstick
    assert rows[1].facts.keys() == {"fps", "looking_ms", "speaking_ms", "joining_ms"}
    assert all("share" in row.facts for row in rows[2:-1])


def test_the_peak_of_memory_is_that_of_another_process() -> None:
    from _bench_frame import measure
    from _bench_lipsync import memory_groups

    groups = memory_groups(320, 240, seconds=[1, 2], channels=1)
    titles = [next(groups).title]
    group = next(groups)
    assert [*titles, group.title] == ["Wav2Lip: 320 x 240", "the embedded engine: 320 x 240"]
    short, long = measure(group.cases, 1, warm_up=False)
    assert short.facts["of_first"] == 1
    assert float(long.facts["peak_mib"]) > 50
