"""docs/cli.md says what the command says, wherever ``scripts/cli_reference.py`` is run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from facefusion_cli.cli.app import app

ROOT = Path(__file__).parents[2]
RUN = """
import runpy, sys
for name in ("fastapi", "uvicorn", "prometheus_client", "multipart", "c2pa", "cryptography"):
    sys.modules[name] = None  # as if it were not installed
sys.argv = ["cli_reference.py", "--check"]
runpy.run_path("scripts/cli_reference.py", run_name="__main__")
"""


@pytest.mark.parametrize(
    "environment",
    [
        {"COLUMNS": "40"},
        {"COLUMNS": "200", "FORCE_COLOR": "1", "TERM": "xterm-256color"},
        {"TYPER_USE_RICH": "0", "FACEFUSION_DEVICE": "cpu", "FACEFUSION_HOME": "elsewhere", "LC_ALL": "C"},
    ],
    ids=["narrow", "coloured", "bare"],
)
def test_the_page_is_up_to_date(environment: dict[str, str]) -> None:
    run = subprocess.run(
        [sys.executable, "-c", RUN], cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


def test_every_command_and_option_is_on_it() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    for command in app.registered_commands:
        assert f"\n## facefusion {command.name}\n" in page
    assert page.count("\n- `-h, --help`: ") == len(app.registered_commands) + 1
    for word in ("--boost auto|1|2|3|4", "--chunk-seconds 0.1-60", "[default: 127.0.0.1]", "**Which faces**"):
        assert word in page
