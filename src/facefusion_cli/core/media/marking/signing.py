"""Signed manifests (C2PA): written last, when nothing of the file changes any more."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from facefusion_cli.core.media.marking.carried import carried, media_type
from facefusion_cli.core.media.marking.identity import identity, own_roots
from facefusion_cli.core.media.marking.mark import TOOL

if TYPE_CHECKING:
    from pathlib import Path

    from facefusion_cli.core.media.marking.mark import Said

__all__ = ["ENGINE", "MODEL", "context_settings", "write_signed"]

ENGINE, MODEL = "facefusion_cli.engine", "facefusion_cli.model"
"""Parameters of the action."""
_TARGET = "xmp:iid:target"
"""Names the ingredient within one manifest."""
_MOST_IN_MEMORY = 32 * 2**20
"""Bytes: of pictures most are smaller."""


def write_signed(file: Path, signed: Path, target: Path | None, said: Said) -> bool:
    """Write ``file`` with a manifest to ``signed``, another file; ``target`` is what it was made from,
    None if that is no file.

    The manifest says that the target was opened and edited, by what, and what kind of result that is. It holds a
    manifest of the target as well, but no name of a file and no picture. Returns whether a manifest of the target
    could not be taken over.

    Raises:
        UsageError, InputError: there is no usable key (see ``identity``).
        OSError: a file cannot be read or written.
        c2pa.C2paError: it cannot be signed.
    """
    import c2pa

    known = identity()
    info = c2pa.C2paSignerInfo(known.algorithm.encode(), known.chain.encode(), known.key.encode(), None)
    parent = target if target is not None and carried(target).manifest else None
    lost = False
    with c2pa.Context.from_dict(context_settings()) as context, c2pa.Signer.from_info(info) as signer:
        try:
            builder = _builder(context, file, said, parent)
        except c2pa.C2paError:
            if parent is None:
                raise
            builder, lost = _builder(context, file, said, None), True
        with builder:
            _sign(builder, signer, file, signed)
    return lost


def _sign(builder: Any, signer: Any, file: Path, signed: Path) -> None:
    kind = media_type(file)
    if file.stat().st_size > _MOST_IN_MEMORY:
        with file.open("rb") as unsigned, signed.open("w+b") as result:
            builder.sign(signer, kind, unsigned, result)
        return
    made = io.BytesIO()  # twice as fast: every piece that is read passes through Python
    builder.sign(signer, kind, io.BytesIO(file.read_bytes()), made)
    signed.write_bytes(made.getbuffer())


def context_settings() -> dict[str, Any]:
    """How manifests are written and checked: nothing is fetched, no small pictures are made.

    Raises:
        UsageError, InputError: see ``own_roots``.
    """
    settings: dict[str, Any] = {
        "version": 1,
        # What has just been signed is not looked at once more.
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_after_sign": False},
        "builder": {"thumbnail": {"enabled": False}},
    }
    if roots := own_roots():
        settings["trust"] = {"user_anchors": roots}
    return settings


def _builder(context: Any, file: Path, said: Said, parent: Path | None) -> Any:
    """What is to be signed; ``parent`` is a target whose own manifest goes along."""
    import c2pa

    version = said.tool.removeprefix(TOOL).strip()
    ingredient = {"title": "target", "relationship": "parentOf", "instance_id": _TARGET}
    edited = {
        "action": "c2pa.edited",
        "when": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "softwareAgent": {"name": TOOL, "version": version},
        "digitalSourceType": said.source_type,
        "parameters": {ENGINE: said.engine, **({MODEL: said.model} if said.model else {})},
    }
    manifest: dict[str, Any] = {
        "claim_generator_info": [{"name": TOOL, "version": version}],
        "format": media_type(file),
        "ingredients": [] if parent else [ingredient],
        "assertions": [
            {
                "label": "c2pa.actions.v2",
                "data": {
                    "actions": [{"action": "c2pa.opened", "parameters": {"ingredientIds": [_TARGET]}}, edited],
                },
            }
        ],
    }
    builder = c2pa.Builder(manifest, context=context)
    if parent is not None:
        try:
            with parent.open("rb") as stream:
                builder.add_ingredient(ingredient, media_type(parent), stream)
        except BaseException:
            builder.close()
            raise
    return builder
