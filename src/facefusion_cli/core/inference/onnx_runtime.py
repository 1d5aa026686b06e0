"""Sessions on onnxruntime, on the CPU."""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from facefusion_cli.core.inference.session import Session

__all__ = ["open_embedded", "open_session"]

_LOG_ERRORS = 3  # onnxruntime's severities: 0 verbose, 1 info, 2 warning, 3 error, 4 fatal
_AWAKE = "100"
"""Microseconds for which its threads wait awake for each other: enough within a network. Left alone they do so for
longer, in which ffmpeg, on the same processor, cannot work."""


def open_session(model: Path | bytes, threads: int = 1) -> Session:
    """Load an ONNX model, given as a file or as its bytes, for the CPU in fp32.

    One thread is right for small networks: with two they gain nothing on a quiet machine and lose much on a busy one.
    The results are the same, bit for bit, each time it runs on the same machine with the same number of threads.

    Raises:
        onnxruntime's own exceptions if the model is missing or damaged.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _LOG_ERRORS
    options.add_session_config_entry("session.intra_op.spin_duration_us", _AWAKE)
    source = str(model) if isinstance(model, Path) else model
    session = onnxruntime.InferenceSession(source, sess_options=options, providers=["CPUExecutionProvider"])
    return cast("Session", session)


@cache
def open_embedded(name: str) -> Session:
    """One of the small networks that come inside the package, with one thread; ``name`` is its file name.

    Loaded once in a process: a session may be run by several threads at a time.
    """
    return open_session(resources.files("facefusion_cli").joinpath("assets", name).read_bytes())
