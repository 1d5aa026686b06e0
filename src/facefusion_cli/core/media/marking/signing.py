"""Signed manifests (C2PA): written last, when nothing of the file changes any more."""

from __future__ import annotations

import io
import os
import re
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from facefusion_cli.core.media.marking.boxes import boxes
from facefusion_cli.core.media.marking.carried import carried, media_type
from facefusion_cli.core.media.marking.identity import identity, own_roots
from facefusion_cli.core.media.marking.mark import TOOL
from facefusion_cli.core.sizes import in_words
from facefusion_cli.errors import OutputError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

    from facefusion_cli.core.media.marking.mark import Said

__all__ = ["ENGINE", "MODEL", "context_settings", "write_signed"]

ENGINE, MODEL = "facefusion_cli.engine", "facefusion_cli.model"
"""Parameters of the action."""
_TARGET = "xmp:iid:target"
"""Names the ingredient within one manifest."""
_PIECE = 2**17
"""Bytes of a file that are buffered: the library asks Python for a few at a time."""
_LARGE = 16 * 2**20
"""Bytes of a video above which it is signed in pieces."""
_HASHED = 4096
"""KiB of a large video that have a hash of their own: 34 bytes of the manifest."""
_LONGEST_AVI = 128 * 2**20
"""Bytes. The library reads such a file into memory, up to three times."""
_IN_MEMORY = 512 * 2**20
"""Bytes that the library keeps in memory unless it is told otherwise."""


def write_signed(file: Path, signed: Path, target: Path | None, said: Said) -> bool:
    """Write ``file`` with a manifest to ``signed``, another file; ``target`` is what it was made from,
    None if that is no file.

    The manifest says that the target was opened and edited, by what, and what kind of result that is. It holds a
    manifest of the target as well, but no name of a file and no picture. Returns whether a manifest of the target
    could not be taken over.

    Raises:
        UsageError, InputError: there is no usable key (see ``identity``).
        OSError: a file cannot be read or written.
        OutputError: it would take too much memory, or there is no room for a temporary copy.
        c2pa.C2paError: it cannot be signed.
    """
    import c2pa

    size, kind = file.stat().st_size, media_type(file)
    if kind == "video/x-msvideo" and size > _LONGEST_AVI:
        raise OutputError(f"that would take too much memory for an AVI file of {in_words(size)}; MP4 can be signed.")
    known = identity()
    info = c2pa.C2paSignerInfo(known.algorithm.encode(), known.chain.encode(), known.key.encode(), None)
    parent = target if target is not None and carried(target).manifest else None
    lost = False
    settings = context_settings()
    if kind.startswith("video/") and size > _LARGE:
        settings["core"] = _sparing(file, size, signed.parent)
    with c2pa.Context.from_dict(settings) as context, c2pa.Signer.from_info(info) as signer:
        try:
            builder = _builder(context, file, said, parent)
        except c2pa.C2paError:
            if parent is None:
                raise
            builder, lost = _builder(context, file, said, None), True
        with builder:
            _sign(builder, signer, file, signed)
    return lost


class _Remembering(io.FileIO):
    """A file that knows why it could not be written; the library only says that it could not."""

    failure: OSError | None = None

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            self.failure = error
            raise


def _sign(builder: Any, signer: Any, file: Path, signed: Path) -> None:
    import c2pa

    with file.open("rb", _PIECE) as unsigned, _Remembering(signed, "w+b") as raw:
        try:
            with io.BufferedRandom(raw, _PIECE) as result:
                builder.sign(signer, media_type(file), unsigned, result)
        except c2pa.C2paError as error:
            if raw.failure is None:
                raise
            raise raw.failure from error


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


def _sparing(file: Path, size: int, folder: Path) -> dict[str, int]:
    """How to sign a large video in little memory, instead of twice its size and up to half a gigabyte.

    Where each piece has a hash of its own (C2PA specification, "BMFF-based hash": the leaves of a Merkle tree, all of
    them in the manifest), one piece is read at a time. The copy of the video that the library makes goes to the
    system's folder for temporary files, if there is room for it beside the result, which is written to ``folder``.

    Raises:
        OutputError: there is none, and the copy is too large for the memory.
    """
    with file.open("rb") as stream:
        found = [kind for kind, _, _ in boxes(stream, size)]
    # The library makes no good hashes of pieces of any other.
    in_pieces = found.count(b"mdat") == 1 and b"moof" not in found
    hashed = {"merkle_tree_chunk_size_in_kb": _HASHED, "merkle_tree_max_proofs": 0} if in_pieces else {}
    temporary = _temporary()
    if _has_room(temporary, size, folder):
        return {**hashed, "backing_store_memory_threshold_in_mb": _LARGE >> 20}
    if size > _IN_MEMORY:
        raise OutputError(
            f'there is no room for a copy of {in_words(size)} in the folder for temporary files, "{temporary}".'
        )
    return hashed


def _temporary() -> Path:
    """Where the library puts what is temporary, as Rust's ``std::env::temp_dir`` says; Python looks at more places."""
    if sys.platform == "win32":
        return Path(os.environ.get("TMP") or os.environ.get("TEMP") or tempfile.gettempdir())
    return Path(os.environ.get("TMPDIR") or "/tmp")  # noqa: S108


def _has_room(temporary: Path, size: int, folder: Path) -> bool:
    """Whether ``size`` bytes can be written to ``temporary`` while as many are written to ``folder``."""
    try:
        with tempfile.TemporaryFile(dir=temporary):
            pass
        both = temporary.stat().st_dev == folder.stat().st_dev
        return shutil.disk_usage(temporary).free > (2 if both else 1) * size + _LARGE
    except OSError:
        return False


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
        "label": _label(),
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
            with parent.open("rb", _PIECE) as stream:
                builder.add_ingredient(ingredient, media_type(parent), stream)
        except BaseException:
            builder.close()
            raise
    return builder


def _label() -> str:
    """A name for a manifest, random as the library makes them, whose end ffmpeg takes for no frame of an AVI file.

    It looks for frames up to the end of such a file: the number of a stream as two digits, two characters, and a length
    that fits. In this text only the zeros behind it can make one.
    """
    while True:
        number = str(uuid4())
        if not re.search(r"0\d", number[-8:]):
            return f"urn:c2pa:{number}"
