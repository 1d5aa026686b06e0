"""What is said when ffmpeg could not write a file."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from facefusion_cli.core.media.disk_errors import why_not_written
from facefusion_cli.errors import OutputError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["unwritten"]

_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EIO, errno.EACCES, errno.EPERM)


def unwritten(output: Path, said: str, *, what: str, task: str) -> OutputError:
    """The error for what ffmpeg ``said``: of the disk if it is that, else that it failed at its task.

    ``what`` is the file for people ("the video"), ``task`` what ffmpeg was to do ("join the pieces of the video").
    """
    for number in _DISK_ERRORS:
        if os.strerror(number) in said:
            error = OSError(number, os.strerror(number))
            return OutputError(
                f'{what} cannot be written into "{output.parent}": {why_not_written(error)}.',
                hint="Free some space, or write to another disk." if number in _DISK_ERRORS[:2] else "",
            )
    return OutputError(f"ffmpeg failed to {task}: {said.strip().rstrip('.')}.")
