"""Taking weights out of zip files."""

from __future__ import annotations

import errno
import shutil
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING

from facefusion_cli.errors import WeightsDamagedError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["extract_member"]

_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_ENCRYPTED = 0x1


def extract_member(archive: Path, member: str, size: int, target: Path, called: str) -> None:
    """Write the one member, by its exact name and size, to ``target``, which must not exist yet.

    No path of the archive's becomes a path on the disk, and never is more unpacked than ``size`` promises. ``called``:
    the archive's name for error messages.

    Raises:
        WeightsDamagedError: the archive is damaged, or has no such member of that size.
        OSError: one of the files cannot be read or written.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            try:
                info = opened.getinfo(member)
            except KeyError:
                raise _refused(called, f'it has no "{member}"') from None
            if info.file_size != size:
                raise _refused(called, f'its "{member}" has {info.file_size} bytes instead of {size}')
            if info.compress_type not in _METHODS or info.flag_bits & _ENCRYPTED:
                raise _refused(called, f'its "{member}" is packed in an unusual way')
            with opened.open(info) as source, target.open("xb") as file:
                # zipfile ends after the size that was just compared, however much more the data would unpack to.
                shutil.copyfileobj(source, file)
                if file.tell() != size:
                    raise _refused(called, "it cannot be unpacked")
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, NotImplementedError) as error:
        raise _refused(called, "it cannot be unpacked") from error
    except OSError as error:
        if error.errno == errno.EINVAL:  # zipfile went where the archive says a member is, before its beginning
            raise _refused(called, "it cannot be unpacked") from error
        raise


def _refused(called: str, why: str) -> WeightsDamagedError:
    return WeightsDamagedError(f'"{called}" is damaged: {why}.', hint="Download it again.")
