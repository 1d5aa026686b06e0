"""Libraries of the system that Python packages need: what to say where one is missing."""

from __future__ import annotations

from facefusion_cli.errors import FaceFusionError

__all__ = ["missing_library"]

_SIGN = ": cannot open shared object file"
_HEADLESS = (
    'Put OpenCV\'s headless build over the other one, in the version that "pip show opencv-python" names: '
    "pip install --force-reinstall --no-deps opencv-python-headless==VERSION"
)


def missing_library(error: BaseException) -> FaceFusionError | None:
    """The error to show for a package that could not be imported for want of one; None if that was not the cause."""
    if not isinstance(error, ImportError) or _SIGN not in str(error.msg or ""):
        return None
    hint = _HEADLESS if error.name == "cv2" else "Install the package of your system that holds it."
    return FaceFusionError(f"the system library {error.msg.partition(':')[0]} is missing.", hint=hint)
