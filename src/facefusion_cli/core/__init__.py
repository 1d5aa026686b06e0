"""The work itself; knows nothing of the command line or the HTTP API.

Some libraries read switches from the environment once, when they are imported. They are set here, before any module of
``core`` can import them.
"""

from __future__ import annotations

import os

__all__ = ["SET_HERE"]

_DEFAULTS = {
    # Pictures are measured from their header against our own limit (core.media.images) before they are decoded.
    # OpenCV's limit (2**30 pixels) would be the second one; it is lifted so that one number, ours, decides.
    "OPENCV_IO_MAX_IMAGE_PIXELS": str(2**40),
    # Otherwise it prints warnings about unknown TIFF tags.
    "OPENCV_LOG_LEVEL": "ERROR",
    # Otherwise huggingface_hub asks the hub for a list of programs, to tell it which one it runs in, before it asks for
    # any file: a matter of the user's, and three seconds without an internet connection.
    "HF_HUB_DISABLE_TELEMETRY": "1",
    # Otherwise it prints messages that servers send.
    "HF_HUB_VERBOSITY": "error",
    # How long OpenMP's threads (GCC's, which torch brings) wait awake for the next piece of work: 0.2 ms here, enough
    # within a network. Left alone they do so for much longer, in which ffmpeg, on the same processor, cannot work.
    "GOMP_SPINCOUNT": "3000",
    # torch has large blocks backed by large pages where the system has them on offer: new memory comes 2 MB at a time
    # instead of 4 kB, a fifth of what bf16 networks take.
    "THP_MEM_ALLOC_ENABLE": "1",
    # Since 1.29 onnxruntime reports usage unless told not to before its import.
    "ORT_DISABLE_TELEMETRY": "1",
}

SET_HERE = frozenset(_DEFAULTS.keys() - os.environ.keys())
"""Names of the variables that were not in the environment before."""

os.environ.update({name: value for name, value in _DEFAULTS.items() if name in SET_HERE})
# Whatever somebody else thinks of it.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
