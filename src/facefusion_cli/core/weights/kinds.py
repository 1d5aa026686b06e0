"""What a file is, by its first bytes, and what to say of one that is none of the weights."""

from __future__ import annotations

import struct
import zipfile
from typing import TYPE_CHECKING, Literal

from facefusion_cli.core.weights.inspection import mismatch
from facefusion_cli.errors import WeightsDamagedError

if TYPE_CHECKING:
    from pathlib import Path

    from facefusion_cli.core.weights.catalog import Archive, Catalog, Form, Weight

__all__ = ["Kind", "kind_of", "not_a_weight", "refusal_by_kind"]

Kind = Literal[
    "empty", "web-page", "onnx", "legacy-checkpoint", "checkpoint", "torchscript", "zip", "safetensors", "other"
]
"""legacy-checkpoint: the pickles that torch wrote before 1.6; checkpoint: its zip files since then."""

# A pickle of torch's magic number 0x1950A86A20F9469CFC6C, protocol 2.
_LEGACY = bytes.fromhex("80028a0a6cfc9c46f9206aa850192e")
_ONNX = b"\x08"  # the field ir_version of a ModelProto, which all exporters write first
_ONNX_IR_VERSIONS = range(1, 32)

_CHECKPOINTS = "Fetch wav2lip.pth or wav2lip_gan.pth, the checkpoints, instead."


def kind_of(path: Path) -> Kind:
    """What the file is; nothing in it is loaded.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(512)
        size = file.seek(0, 2)
    if not start:
        return "empty"
    if start.startswith(_LEGACY):
        return "legacy-checkpoint"
    if start.startswith(b"PK\x03\x04"):
        return _zip_kind(path)
    if start.startswith(_ONNX) and len(start) > 1 and start[1] in _ONNX_IR_VERSIONS:
        return "onnx"
    # A safetensors file is the length of its JSON header in eight bytes, the header, the tensors.
    if len(start) > 8 and start[8:9] == b"{" and struct.unpack("<Q", start[:8])[0] <= size - 8:
        return "safetensors"
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype", b"<html", b"<head", b"<?xml", b"<!--")):
        return "web-page"
    return "other"


def refusal_by_kind(called: str, kind: Kind) -> WeightsDamagedError | None:
    """The error for a file that nothing here reads, whatever it was brought for; None for the others."""
    match kind:
        case "empty":
            return WeightsDamagedError(f'"{called}" is empty.', hint="Download it again.")
        case "web-page":
            return WeightsDamagedError(
                f'"{called}" is a web page, not weights.',
                hint='Download the file itself: on the Hugging Face hub its address has "/resolve/", not "/blob/".',
            )
        case "torchscript":
            return WeightsDamagedError(
                f'"{called}" is a TorchScript archive, a program with its weights, which is not loaded here.',
                hint=_CHECKPOINTS,
            )
    return None


def not_a_weight(path: Path, size: int, sha256: str, catalog: Catalog) -> WeightsDamagedError:
    """The error for a file whose SHA-256 nobody knows: what it is, as far as one can see, and what to do.

    Raises:
        OSError: it cannot be read.
    """
    kind = kind_of(path)
    if refusal := refusal_by_kind(str(path), kind):
        return refusal
    for lookalike in catalog.lookalikes:
        if lookalike.sha256 == sha256:
            return WeightsDamagedError(
                f'"{path}" is {lookalike.title}, not the {lookalike.of} that is known here.',
                hint=f'Fetch that with "facefusion download-models {lookalike.of}".',
            )
    for weight in catalog.weights:
        if kind == "safetensors" and path.name.casefold() == weight.stored_file.casefold():
            return WeightsDamagedError(
                f'"{path}" cannot be verified: the record of what it was converted from is not in it.',
                hint=f'Import {weight.file} itself, or, if you trust this file, add "--unverified {weight.name}".',
            )
    files: tuple[Weight | Archive, ...] = (*catalog.weights, *catalog.archives)
    for file in files:
        if file.file.casefold() == path.name.casefold():
            what = "cut short or another file" if size < file.bytes else f"not the {file.file} that is known here"
            why = mismatch((size, sha256), (file.bytes, file.sha256))
            return WeightsDamagedError(f'"{path}" is {what}: {why}.', hint=_if_trusted(kind, catalog, file.name))
    return WeightsDamagedError(
        f'"{path}" is {_TITLES[kind]}, but none of the weights known here (its SHA-256 begins with {sha256[:8]}).',
        hint=_if_trusted(kind, catalog),
    )


_TITLES: dict[Kind, str] = {
    "onnx": "an ONNX network",
    "legacy-checkpoint": "a checkpoint of torch",
    "checkpoint": "a checkpoint of torch",
    "safetensors": "a safetensors file",
    "zip": "a zip file",
    "other": "a file",
}

_FORMS: dict[Kind, Form] = {
    "onnx": "onnx",
    "legacy-checkpoint": "wav2lip",
    "checkpoint": "wav2lip",
    "safetensors": "wav2lip",
}


def _if_trusted(kind: Kind, catalog: Catalog, name: str = "") -> str:
    """How to bring it all the same, where that could work."""
    names = [weight.name for weight in catalog.weights if weight.form == _FORMS.get(kind)]
    if name in names:
        return f'Download it again, or, if you trust it, add "--unverified {name}".'
    if names:
        return f'If you trust it and know for what it is, add "--unverified NAME" with one of: {", ".join(names)}.'
    return 'See "facefusion download-models --list" for the files that are needed.'


def _zip_kind(path: Path) -> Kind:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error, EOFError, OverflowError):
        return "zip"
    # torch puts all members into one folder, of any name.
    inner = {name.partition("/")[2] for name in names}
    if "constants.pkl" in inner or any(name.startswith("code/") for name in inner):
        return "torchscript"
    return "checkpoint" if "data.pkl" in inner else "zip"
