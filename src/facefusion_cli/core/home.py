"""Where the project keeps what outlives a run."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["HOME_VARIABLE", "home_folder", "models_folder", "state_folder"]

HOME_VARIABLE = "FACEFUSION_HOME"


def home_folder() -> Path:
    """``FACEFUSION_HOME`` if it is set, else the platform's folder for a user's data; it may not exist yet."""
    given = os.environ.get(HOME_VARIABLE)
    if given:
        return Path(given).expanduser().absolute()
    import platformdirs

    return platformdirs.user_data_path("facefusion-cli", appauthor=False)


def models_folder(given: Path | None = None) -> Path:
    """Where weights are stored: ``given`` (``--models-dir``), else ``models`` in the home folder."""
    return home_folder() / "models" if given is None else given.expanduser().absolute()


def state_folder() -> Path:
    """Where small facts are remembered: licences accepted, results of self-checks."""
    return home_folder() / "state"
