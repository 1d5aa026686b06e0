"""What is left behind on a user's machine: nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.skipif(sys.platform == "win32", reason="the home folder is told by the environment on POSIX")
def test_finding_faces_writes_nothing_into_the_home_folder(astronaut: Path, tmp_path: Path) -> None:
    """In a process of its own, since onnxruntime decides on import whether to report usage."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name != "ORT_DISABLE_TELEMETRY" and not name.startswith("XDG_")
    }
    script = "import sys; from facefusion_cli import find_faces; print(len(find_faces(sys.argv[1])))"
    done = subprocess.run(
        [sys.executable, "-c", script, str(astronaut)],
        env=environment | {"HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    assert (done.stdout, done.stderr) == ("1\n", "")
    assert list(tmp_path.rglob("*")) == []
