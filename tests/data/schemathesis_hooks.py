"""What schemathesis has to know of the service before it tries it out; named to it by ``SCHEMATHESIS_HOOKS``.

It loads this file by itself, in a process of its own. ``SAMPLES`` names a folder with a file for each field of a form
that takes one.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import strategies
from schemathesis.transport.serialization import Binary

from facefusion_cli.core.faceswap.engine import engine_names as swap_engine_names
from facefusion_cli.core.lipsync.engine import engine_names as lipsync_engine_names
from facefusion_cli.core.media.video.clock import CLOCK
from facefusion_cli.core.media.video.encoders import codec_names

_FILES = {path.name: path.read_bytes() for path in Path(os.environ["SAMPLES"]).iterdir()}
_SUITABLE = {
    "engine": (re.compile("|".join((*swap_engine_names(), *lipsync_engine_names()))), "auto"),
    "codec": (re.compile("|".join(codec_names())), "auto"),
    "start": (CLOCK, ""),
    "duration": (CLOCK, ""),
    "face": (re.compile(r"\s*(left|right|all|\d[\d,\s]*)\s*"), "largest"),
    "source_face": (re.compile(r"\s*(left|right|\d+)\s*"), "largest"),
    "fps": (re.compile(r"[\d./]+"), "25"),
    "pads": (re.compile(r"(-?[\d.]+,){3}-?[\d.]+"), "0,5,0,0"),
}
"""Values that are as described, but only some servers or some files have what they ask for; and one that all have."""
_OF_PERSONS = ("reference", "extra_source")
"""Fields that only an engine with weights can do anything with."""
_CHOICES = {"strict", "keep_metadata", "keep_mouth", "require_face", "no_close_mouth"}


for _name, _content in _FILES.items():
    schemathesis.openapi.format(_name, strategies.just(Binary(_content)))


@schemathesis.hook
def before_load_schema(_: schemathesis.HookContext, raw_schema: dict[str, Any]) -> None:
    """Real files in the place of random bytes, so that some of what is sent is work that can be done."""
    for path in raw_schema["paths"].values():
        form = path.get("post", {}).get("requestBody", {}).get("content", {}).get("multipart/form-data", {})
        fields = form.get("schema", {}).get("properties", {})
        for name in _OF_PERSONS:
            fields.pop(name, None)
        for name, field in fields.items():
            if name in _FILES:
                field["format"] = name


@schemathesis.hook
def map_body(_: schemathesis.HookContext, body: Any) -> Any:
    """Values that this server takes for these files."""
    return {name: _better(name, value) for name, value in body.items()} if isinstance(body, dict) else body


@schemathesis.hook
def filter_case(_: schemathesis.HookContext, case: schemathesis.Case[Any]) -> bool:
    """What did not come past ``map_body``."""
    return not isinstance(case.body, dict) or all(value == _better(name, value) for name, value in case.body.items())


def _better(name: str, value: Any) -> Any:
    if name in _FILES:
        return value
    if name in _SUITABLE and isinstance(value, str):
        described, better = _SUITABLE[name]
        if described.fullmatch(value):
            return better
    # Taken, though it is not described: other words for true and false, and a list of nothing, which sends nothing.
    if value in ([], None) or (name in _CHOICES and str(value).lower() not in ("true", "false")):
        return "neither"
    return value
