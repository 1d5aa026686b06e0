"""The command that sees to weights, as the user is told to type it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facefusion_cli.core.home import models_folder
from facefusion_cli.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["download_command"]


def download_command(folder: Path, *arguments: str) -> str:
    """``facefusion download-models`` with these arguments, in quotes, for the weights in ``folder``.

    Where that is not the usual folder the option is named too: else the advice would lead to another place.
    """
    try:
        usual = folder == models_folder()
    except UsageError:
        usual = False
    elsewhere = () if usual else ("--models-dir", f"'{folder}'" if " " in str(folder) else str(folder))
    return f'"{" ".join(("facefusion download-models", *arguments, *elsewhere))}"'
