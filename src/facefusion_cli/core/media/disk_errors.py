"""What the system says when writing fails, in words for the user."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from facefusion_cli.errors import OutputError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["output_error"]

_SENTENCES = {
    errno.ENOSPC: "no space is left on the disk",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "there is no permission to write there",
    errno.EPERM: "there is no permission to write there",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ENOENT: "the folder does not exist",
    errno.ENOTDIR: "its folder is a file",
}
_HINTS = {errno.ENOSPC: "Free some space, or write to another disk.", errno.ENAMETOOLONG: "Give a shorter name."}


def output_error(path: Path, error: OSError) -> OutputError:
    """What the user is told when writing ``path`` failed."""
    number = error.errno or 0
    why = _SENTENCES.get(number) or (error.strerror or str(error)).lower()
    hint = _HINTS.get(number, "Choose another place for the output.")
    return OutputError(f'cannot write "{path}": {why}.', hint=hint)
