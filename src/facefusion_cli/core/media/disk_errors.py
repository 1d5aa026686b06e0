"""What the system says when writing fails, in words for the user."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from facefusion_cli.errors import OutputError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["output_error", "why_not_written"]

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


def why_not_written(error: OSError) -> str:
    """The reason, for the end of a sentence."""
    return _SENTENCES.get(error.errno or 0) or (error.strerror or str(error)).lower()


def output_error(path: Path, error: OSError) -> OutputError:
    """What the user is told when writing ``path`` failed."""
    hint = _HINTS.get(error.errno or 0, "Choose another place for the output.")
    return OutputError(f'cannot write "{path}": {why_not_written(error)}.', hint=hint)
