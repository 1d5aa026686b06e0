"""What the system's files say of the processor."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from facefusion_cli.core.processor import processor, read_processor

if TYPE_CHECKING:
    from pathlib import Path

BLOCK = """processor\t: {number}
model name\t: Some(R) Processor
physical id\t: {package}
core id\t\t: {core}
flags\t\t: fpu sse avx512f {flags}
"""


def cpuinfo(proc: Path, cores: list[tuple[int, int]], flags: str = "") -> None:
    proc.mkdir(exist_ok=True)
    blocks = [
        BLOCK.format(number=number, package=package, core=core, flags=flags)
        for number, (package, core) in enumerate(cores)
    ]
    (proc / "cpuinfo").write_text("\n".join(blocks) + "\n")


def member_of(proc: Path, *groups: str) -> None:
    (proc / "self").mkdir(parents=True, exist_ok=True)
    (proc / "self" / "cgroup").write_text("\n".join(groups) + "\n")


def limited(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text + "\n")


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    (tmp_path / "proc").mkdir()
    return tmp_path / "proc"


@pytest.fixture
def cgroups(tmp_path: Path) -> Path:
    return tmp_path / "cgroup"


@pytest.fixture(autouse=True)
def eight_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    allow(monkeypatch, range(8))


def allow(monkeypatch: pytest.MonkeyPatch, numbers: range) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: set(numbers), raising=False)


EIGHT_THREADS = [(0, 0), (0, 1), (1, 0), (1, 1)] * 2
"""Two packages of two cores with two threads each."""


def test_hyperthreads_are_not_counted_as_cores(proc: Path, cgroups: Path) -> None:
    cpuinfo(proc, EIGHT_THREADS)
    found = read_processor(proc, cgroups)
    assert (found.name, found.logical, found.cores, found.quota) == ("Some(R) Processor", 8, 4, None)


def test_only_cores_that_the_process_may_run_on_count(
    proc: Path, cgroups: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cpuinfo(proc, EIGHT_THREADS)
    allow(monkeypatch, range(3, 6))  # (1, 1), (0, 0), (0, 1)
    found = read_processor(proc, cgroups)
    assert (found.logical, found.cores) == (3, 3)


def test_cores_that_cannot_be_told_apart_all_count(proc: Path, cgroups: Path) -> None:
    (proc / "cpuinfo").write_text("processor\t: 0\nFeatures\t: fp asimd\n\nprocessor\t: 1\nFeatures\t: fp asimd\n")
    assert read_processor(proc, cgroups).cores == 8


@pytest.mark.parametrize(
    ("flags", "bf16"),
    [
        ("avx512_bf16 amx_bf16 amx_tile", ("amx_bf16", "avx512_bf16")),
        ("avx512_bf16", ("avx512_bf16",)),
        ("avx512_bf16x avx512_fp16", ()),
    ],
)
def test_bf16_in_hardware_is_told_by_flags(proc: Path, cgroups: Path, flags: str, bf16: tuple[str, ...]) -> None:
    cpuinfo(proc, EIGHT_THREADS, flags)
    assert read_processor(proc, cgroups).bf16 == bf16


@pytest.mark.parametrize(
    ("limit", "quota", "cores"),
    [("150000 100000", 1.5, 2), ("20000 100000", 0.2, 1), ("max 100000", None, 4), ("900000 100000", 9.0, 4)],
)
def test_a_quota_of_version_2(proc: Path, cgroups: Path, limit: str, quota: float | None, cores: int) -> None:
    cpuinfo(proc, EIGHT_THREADS)
    member_of(proc, "0::/")
    limited(cgroups, cpu__max=limit)
    found = read_processor(proc, cgroups)
    assert (found.quota, found.cores) == (quota, cores)


def test_the_tightest_of_nested_quotas_holds(proc: Path, cgroups: Path) -> None:
    cpuinfo(proc, EIGHT_THREADS)
    member_of(proc, "0::/system/inner")
    limited(cgroups / "system", cpu__max="200000 100000")
    limited(cgroups / "system" / "inner", cpu__max="300000 100000")
    assert read_processor(proc, cgroups).quota == 2.0


def test_a_quota_of_version_1_seen_from_inside_a_container(proc: Path, cgroups: Path) -> None:
    """The path is the host's; the mount shows the group itself."""
    cpuinfo(proc, EIGHT_THREADS)
    member_of(proc, "12:memory:/docker/abc", "4:cpu,cpuacct:/docker/abc", "0::/docker/abc")
    limited(cgroups / "cpu,cpuacct", cpu__cfs_quota_us="250000", cpu__cfs_period_us="100000")
    found = read_processor(proc, cgroups)
    assert (found.quota, found.cores) == (2.5, 3)


def test_no_quota_of_version_1_is_minus_one(proc: Path, cgroups: Path) -> None:
    cpuinfo(proc, EIGHT_THREADS)
    member_of(proc, "1:cpu:/")
    limited(cgroups / "cpu", cpu__cfs_quota_us="-1", cpu__cfs_period_us="100000")
    assert read_processor(proc, cgroups).quota is None


def test_without_such_files_the_system_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    found = read_processor(tmp_path / "no", tmp_path / "no")
    assert (found.logical, found.cores, found.quota, found.bf16) == (6, 6, None, ())
    assert found.name


def test_this_machine_has_a_processor() -> None:
    here = processor()
    assert here.cores >= 1
    assert here.name
    assert processor() is here
