"""Whether somebody uses the project for the first time."""

from __future__ import annotations

from facefusion_cli.core.home import state_folder
from facefusion_cli.errors import UsageError

__all__ = ["is_first_use"]

_MARKER = "first-use"


def is_first_use() -> bool:
    """Whether this was never asked before, which is remembered among the user's data; True where it cannot be."""
    try:
        folder = state_folder()
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / _MARKER).open("x"):  # of two processes only one can
            return True
    except FileExistsError:
        return False
    except (OSError, UsageError):
        return True
