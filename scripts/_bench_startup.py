"""Start of the command, as whole processes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from _bench_frame import Benchmark, Case, Group

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["STARTUP"]

_EMPTY_APP = """
import typer
app = typer.Typer()
@app.command()
def nothing() -> None:
    "Do nothing."
app()
"""


def _startup(_folder: Path | None) -> Iterator[Group]:
    facefusion = shutil.which("facefusion", path=str(Path(sys.executable).parent))
    if facefusion is None:
        raise SystemExit(f"error: there is no command facefusion beside {sys.executable}.")
    empty = Case("an empty Typer app --help", partial(_process, sys.executable, "-c", _EMPTY_APP, "--help"))
    ours = [
        Case(" ".join(("facefusion", *arguments)), partial(_process, facefusion, *arguments))
        for arguments in (("--help",), ("faceswap", "--help"), ("--version",))
    ]
    yield Group("", [empty, *ours])


def _process(*arguments: str) -> None:
    subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)


STARTUP = Benchmark("start of the command, whole processes", 15, _startup)
