"""The work itself; knows nothing of the command line or the HTTP API.

Some libraries read switches from the environment once, when they are imported. They are set here, before any module of
``core`` can import them.
"""

from __future__ import annotations

import os

# Since 1.29 onnxruntime reports usage unless told not to before its import.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
# Pictures are measured from their header against our own limit (core.media.images) before they are decoded. OpenCV's
# limit (2**30 pixels) would be the second one; it is lifted so that one number, ours, decides.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**40))
# Otherwise it prints warnings about unknown TIFF tags.
os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
