"""Variables of the environment that change what the command does."""

from __future__ import annotations

import os
import re

from facefusion_cli.core import SET_HERE
from facefusion_cli.core.addresses import masked_setting
from facefusion_cli.core.diagnosis.report import Fact

__all__ = ["environment", "redacted"]

_SEEN = re.compile(
    r"(FACEFUSION|HF|HUGGING_?FACE|CUDA|CUDNN|NVIDIA|TORCH|PYTORCH|ORT|OMP|MKL|KMP|DNNL|ONEDNN|OPENBLAS|OPENCV)_.+"
    r"|(HTTP|HTTPS|ALL|NO|FTP)_PROXY|IMAGEIO_FFMPEG_EXE|ATEN_CPU_CAPABILITY"
    r"|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|XDG_(DATA|CACHE|CONFIG|STATE)_HOME|TMPDIR|TEMP|TMP"
    r"|LD_LIBRARY_PATH|PYTHON(PATH|HOME|WARNINGS|UTF8|IOENCODING)|NO_COLOR|TERM",
    re.IGNORECASE,
)
_SECRET = re.compile(r"TOKEN|KEY|SECRET|PASSW|CREDENTIAL|AUTH", re.IGNORECASE)


def environment() -> list[Fact]:
    """Those that somebody has set; never what is secret in them."""
    facts = [
        Fact(name, shown, "info", {"value": shown})
        for name, value in sorted(os.environ.items())
        if _SEEN.fullmatch(name) and name not in SET_HERE
        for shown in [redacted(name, value)]
    ]
    return facts or [Fact("variables", "none of note is set")]


def redacted(name: str, value: str) -> str:
    """The value as it may be shown to anybody: "set" for a secret, no name and password in an address."""
    if not value:
        return "(empty)"
    if _SECRET.search(name):
        return "set"
    if "://" in value or name.upper().endswith("_PROXY"):
        return masked_setting(value)
    return value
