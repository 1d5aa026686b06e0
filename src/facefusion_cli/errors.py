"""Every error the project raises on purpose.

    FaceFusionError            1  failure
    ├── UsageError             2  usage           wrong options or names, found before any work
    ├── InputError             1  bad-input       a file that cannot be read or must not be
    │   └── IncompleteError    1  incomplete      a damaged file of which only a part could be used
    ├── OutputError            1  output          a result that cannot be written
    │   └── OutputExistsError  1  output-exists   and must not be replaced
    ├── NoFaceError            3  no-face         nothing found
    │   ├── FaceIndexError     3  face-index      fewer faces than the index asks for
    │   └── FaceTooSmallError  3  face-too-small  found, but too small for a good result
    ├── WeightsError           4  weights         a weight that cannot be used
    │   ├── WeightsMissingError  4  weights-missing  is not stored
    │   ├── WeightsDamagedError  4  weights-damaged  is not what it should be
    │   └── DownloadError      4  download-...    cannot be fetched; the code names the cause
    ├── DeviceError            5  device          a device that was asked for cannot be used
    ├── ContentRefusedError    6  content-refused  a picture or video that is not worked on
    ├── ProgramError           1  ffmpeg          ffmpeg is missing or cannot be run
    └── InternalError          1  bug             a mistake in this program

Each carries one sentence for the user, an optional hint that says what to do next, the exit code of the command and a
short code for programs (``--json``).
"""

from __future__ import annotations

__all__ = [
    "ContentRefusedError",
    "DeviceError",
    "DownloadError",
    "FaceFusionError",
    "FaceIndexError",
    "FaceTooSmallError",
    "IncompleteError",
    "InputError",
    "InternalError",
    "NoFaceError",
    "OutputError",
    "OutputExistsError",
    "ProgramError",
    "UsageError",
    "WeightsDamagedError",
    "WeightsError",
    "WeightsMissingError",
]


class FaceFusionError(Exception):
    """Something went wrong that the user can be told in one sentence.

    ``message`` is that sentence; ``hint`` says what to do about it ("" if there is nothing to say).
    """

    code = "failure"
    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(FaceFusionError):
    """The options or names given cannot work, whatever the files hold."""

    code = "usage"
    exit_code = 2


class InputError(FaceFusionError):
    """A file given cannot be read: missing, damaged, not a picture, too large."""

    code = "bad-input"


class IncompleteError(InputError):
    """A damaged file: only a part of it could be used, and the result holds that part."""

    code = "incomplete"


class OutputError(FaceFusionError):
    """A result cannot be written: no such folder, read-only, disk full, same file as an input."""

    code = "output"


class OutputExistsError(OutputError):
    """A result exists already and may not be replaced."""

    code = "output-exists"


class NoFaceError(FaceFusionError):
    """No usable face was found."""

    code = "no-face"
    exit_code = 3


class FaceIndexError(NoFaceError):
    """A face was asked for by an index the picture does not have."""

    code = "face-index"


class FaceTooSmallError(NoFaceError):
    """The face asked for is too small for a result worth having."""

    code = "face-too-small"


class WeightsError(FaceFusionError):
    """The weights of a network cannot be had, read or trusted."""

    code = "weights"
    exit_code = 4


class WeightsMissingError(WeightsError):
    """Weights are needed that are not stored."""

    code = "weights-missing"


class WeightsDamagedError(WeightsError):
    """A file of weights is not what it should be: damaged, another file of that name, or none at all."""

    code = "weights-damaged"


class DownloadError(WeightsError):
    """Weights cannot be fetched.

    ``reason`` is one short word for programs: "offline", "dns", "proxy", "refused", "timeout", "interrupted", "tls",
    "unauthorized", "gated", "forbidden", "not-found", "rate-limited", "server", "web-page", "mismatch", "disk-full" or
    "network"; ``code`` carries it.
    """

    def __init__(self, message: str, *, reason: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reason = reason
        self.code = f"download-{reason}"


class DeviceError(FaceFusionError):
    """The device asked for cannot be used."""

    code = "device"
    exit_code = 5


class ContentRefusedError(FaceFusionError):
    """A picture or video shows what nobody's face is to be put into."""

    code = "content-refused"
    exit_code = 6


class ProgramError(FaceFusionError):
    """The program ffmpeg, which reads and writes videos, is missing or cannot be run."""

    code = "ffmpeg"


class InternalError(FaceFusionError):
    """A mistake in this program; ``__cause__`` is what Python raised."""

    code = "bug"
