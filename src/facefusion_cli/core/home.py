"""Where the project keeps what outlives a run."""

from __future__ import annotations

import os
from pathlib import Path

from facefusion_cli.errors import UsageError

__all__ = ["HOME_VARIABLE", "home_folder", "models_folder", "state_folder"]

HOME_VARIABLE = "FACEFUSION_HOME"


def home_folder() -> Path:
    """``FACEFUSION_HOME`` if it is set, else the platform's folder for a user's data; it may not exist yet.

    Raises:
        UsageError: it begins with the home folder of a user (``~name``) that nobody knows, or there is none.
    """
    given = os.environ.get(HOME_VARIABLE)
    if given:
        return _whole(Path(given))
    import platformdirs

    try:
        return platformdirs.user_data_path("facefusion-cli", appauthor=False)
    except RuntimeError as error:  # no HOME, and a user whom the system does not know
        raise UsageError(
            "there is no home folder to keep anything in.", hint=f"Let the variable {HOME_VARIABLE} name a folder."
        ) from error


def models_folder(given: Path | None = None) -> Path:
    """Where weights are stored: ``given`` (``--models-dir``), else ``models`` in the home folder.

    Raises:
        UsageError: see ``home_folder``.
    """
    return home_folder() / "models" if given is None else _whole(given)


def state_folder() -> Path:
    """Where small facts are remembered: licences accepted, results of self-checks.

    Raises:
        UsageError: see ``home_folder``.
    """
    return home_folder() / "state"


def _whole(folder: Path) -> Path:
    try:
        return folder.expanduser().absolute()
    except RuntimeError as error:  # what pathlib says where there is no such user
        raise UsageError(
            f'the home folder that "{folder}" begins with is not known.', hint="Write the whole path of the folder."
        ) from error
