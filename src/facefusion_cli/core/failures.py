"""Failures that are nobody's mistake, in words: no memory, a library that is missing, what the system refuses."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from facefusion_cli.core.system_libraries import missing_library
from facefusion_cli.errors import FaceFusionError, InternalError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["explained", "first_line", "in_words", "is_out_of_memory"]

_OPENCV_NO_MEMORY = -4  # cv2.Error.StsNoMem

_NO_MEMORY = (
    "bad allocation",
    "bad_alloc",
    "Failed to allocate memory",
    "can't allocate memory",
    "DefaultCPUAllocator",
    "CUDA error: out of memory",
)


@contextmanager
def in_words() -> Iterator[None]:
    """Raise ``FaceFusionError`` for a lack of memory or of a system library and for errors of the operating system.

    All else passes.
    """
    try:
        yield
    except Exception as error:
        if is_out_of_memory(error):
            raise FaceFusionError(
                "there is not enough memory.", hint="Close other programs, or let this one have more memory."
            ) from error
        if missing := missing_library(error):
            raise missing from error
        if isinstance(error, OSError) and error.strerror:
            name = "" if error.filename is None else f': "{error.filename}"'
            raise FaceFusionError(f"{error.strerror}{name}.") from error
        raise


def explained(error: Exception) -> FaceFusionError:
    """What ``in_words`` raises for ``error``; for all else, that it is a bug."""
    try:
        with in_words():
            raise error
    except FaceFusionError as words:
        return words
    except Exception:  # noqa: BLE001  (it ends in a sentence)
        return _bug(error)
    finally:
        del error  # with its own traceback it would hold itself, and the pixels in there


def _bug(error: Exception) -> FaceFusionError:
    bug = InternalError(
        f"this is a bug in facefusion: {type(error).__name__}: {error}.",
        hint="Run it again with -v and report what it says.",
    )
    bug.__cause__ = error
    return bug


def first_line(error: Exception) -> str:
    """What a library says of its failure, for the middle of a sentence: its first line, else what kind it is of."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(". ")


def is_out_of_memory(error: Exception) -> bool:
    """Whether a library ran out of memory; told by name, for asking by type would import the library."""
    if isinstance(error, MemoryError):
        return True
    library = type(error).__module__.partition(".")[0]
    if library == "cv2":
        return getattr(error, "code", None) == _OPENCV_NO_MEMORY
    if library == "torch" and type(error).__name__ == "OutOfMemoryError":  # a GPU's
        return True
    # torch says the same of the processor's memory by a plain RuntimeError.
    foreign = library in ("onnxruntime", "torch") or type(error) is RuntimeError
    return foreign and any(sign in str(error) for sign in _NO_MEMORY)
