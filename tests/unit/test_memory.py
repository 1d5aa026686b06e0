"""How much memory a process says that it has had."""

from __future__ import annotations

import subprocess
import sys

import pytest

PEAK = "from facefusion_cli.core.memory import peak_memory; print(peak_memory())"
TAKES_AND_TELLS = f"""
import subprocess, sys
much = b"1" * 300_000_000
{PEAK}
print(subprocess.run([sys.executable, "-c", {PEAK!r}], capture_output=True, text=True, check=True).stdout)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell")
def test_a_process_counts_what_it_has_had_itself() -> None:
    run = subprocess.run([sys.executable, "-c", TAKES_AND_TELLS], capture_output=True, text=True, check=True)
    own, of_child = map(int, run.stdout.split())
    assert 300_000_000 < own < 400_000_000
    assert 5_000_000 < of_child < 100_000_000
