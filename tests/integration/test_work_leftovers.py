"""What is left when a worker's process dies: programs that still write, folders that they write into."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from facefusion_cli.api.work.folders import remove_folder
from facefusion_cli.api.work.orphans import VARIABLE, end_orphans

if TYPE_CHECKING:
    from pathlib import Path


def test_a_folder_goes_though_something_is_written_into_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is just being made keeps its folder, as it does if it comes between the removal of all else and the end."""
    folder = tmp_path / "order"
    (folder / "work").mkdir(parents=True)
    late = [folder / "work" / "piece.mp4", folder / "result.mp4"]
    remove = shutil.rmtree

    def meanwhile(path: Path, **options: Any) -> None:
        remove(path, **options)
        if late:
            late[0].parent.mkdir(parents=True, exist_ok=True)
            late.pop(0).touch()

    monkeypatch.setattr("shutil.rmtree", meanwhile)
    remove_folder(folder)
    assert not late
    assert not folder.exists()


def test_a_folder_that_cannot_be_removed_is_not_tried_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[Path] = []
    monkeypatch.setattr("shutil.rmtree", lambda path, **_: tries.append(path))
    began = time.monotonic()
    remove_folder(tmp_path)
    assert 1 <= time.monotonic() - began < 30
    assert len(tries) > 1


@pytest.mark.skipif(sys.platform != "linux", reason="of other systems nobody tells whose a process is")
def test_programs_that_bear_the_mark_are_gone_afterwards() -> None:
    sleeper = [sys.executable, "-c", "import time; print(1, flush=True); time.sleep(600)"]
    ours, others = (
        subprocess.Popen(sleeper, env={**os.environ, VARIABLE: mark}, stdout=subprocess.PIPE) for mark in ("a", "b")
    )
    try:
        for one in (ours, others):
            assert one.stdout is not None
            one.stdout.readline()
        end_orphans("a")
        assert ours.poll() is not None
        assert others.poll() is None
    finally:
        for one in (ours, others):
            one.kill()
            one.communicate()
