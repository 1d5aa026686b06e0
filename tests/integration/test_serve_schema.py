"""The service does what its own description says, whatever it is sent: schemathesis against a real server.

``SCHEMATHESIS_SECONDS`` in the environment lets it try for longer.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import httpx2
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

TESTS = Path(__file__).parents[1]
SECONDS = int(os.environ.get("SCHEMATHESIS_SECONDS", "20"))


@pytest.fixture
def samples(astronaut: Path, hopper: Path, clip: Callable[..., Path], tmp_path: Path) -> Path:
    """Folder with a small file for each field that takes one."""
    folder = tmp_path / "samples"
    folder.mkdir()
    for name, picture in {"source_image": hopper, "target_image": astronaut}.items():
        pixels = cv2.imread(str(picture))
        assert pixels is not None
        written, content = cv2.imencode(".jpg", cv2.resize(pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
        assert written
        (folder / name).write_bytes(content.tobytes())
    face = cv2.imread(str(astronaut))
    assert face is not None
    small = cv2.resize(face, (192, 192), interpolation=cv2.INTER_AREA)
    shutil.copyfile(clip([small.astype("uint8")] * 4), folder / "video")
    for name in ("audio", "soundtrack"):
        shutil.copyfile(clip(frames=5, audio="aac"), folder / name)
    return folder


@pytest.mark.timeout(SECONDS + 180)
def test_a22_it_answers_as_it_describes(samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(TESTS.parent / "scripts"))
    from _bench_api_server import serving

    environment = os.environ | {
        "PYTHONPATH": str(TESTS / "data"),
        "SCHEMATHESIS_HOOKS": "schemathesis_hooks",
        "SAMPLES": str(samples),
    }
    with serving() as server:
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(TESTS / "data" / "schemathesis.toml")]
        command += ["run", f"{server.url}/openapi.json", "--max-time", str(SECONDS), "--checks", "all"]
        # DELETE of a job that has not ended cancels it, and it can still be asked after.
        command += ["--exclude-checks", "use_after_free", "--suppress-health-check", "all"]
        command += ["--generation-database", "none", "--no-color", "--warnings", "off"]
        run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        counts = httpx2.get(f"{server.url}/metrics", trust_env=False).text
    said = "\n".join(line[:500] for line in (run.stdout + run.stderr).splitlines())  # without pictures in curl's words
    assert run.returncode == 0, said
    assert "Operations:       10 selected / 10 total" in said
    for kind in ("faceswap", "lipsync"):  # some of what was sent was work
        assert f'facefusion_jobs_total{{kind="{kind}",outcome="done"}}' in counts, counts
