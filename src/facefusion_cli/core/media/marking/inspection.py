"""What a file says about itself, and whether that can be believed."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Literal

from facefusion_cli.core.media.files import opened
from facefusion_cli.core.media.marking.carried import carried, media_type
from facefusion_cli.core.media.marking.identity import extra_installed
from facefusion_cli.core.media.marking.mark import NOTHING_SAID, TOOL, Said
from facefusion_cli.core.media.marking.tags import said_in_tags
from facefusion_cli.core.media.marking.xmp import said_in

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["Inspection", "State", "inspect_file"]

State = Literal["none", "trusted", "valid", "tampered", "invalid", "unchecked"]
"""Of a C2PA manifest: there is none; good, by a certificate that is trusted here; good, by one that nobody here knows;
not of this file as it is now; bad otherwise; there, but what would check it is not installed or does not run."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found in one file."""

    path: Path
    said: Said
    """By its manifest if that is good, else by its XMP or its tags."""
    in_metadata: bool
    """Whether XMP or tags say that it is synthetic."""
    state: State
    signer: str = ""
    """The names in the certificate of the manifest."""
    reason: str = ""
    """Why a manifest is not good, as C2PA calls it."""

    @property
    def marked(self) -> bool:
        """Whether it says that it is synthetic."""
        return self.said.is_synthetic

    @property
    def intact(self) -> bool:
        """Whether nothing was found that speaks against what it says."""
        return self.state in ("none", "trusted", "valid")


def inspect_file(path: Path) -> Inspection:
    """Look into a picture or video; any other file says nothing. Nothing is decoded, and nothing is fetched.

    Raises:
        InputError: it cannot be read, or ffmpeg was stopped meanwhile.
        ProgramError: it is a Matroska file, and there is no ffmpeg.
        UsageError: the certificate that an environment variable names cannot be used.
    """
    with opened(path):
        found = carried(path)
    said = said_in(found.xmp)
    if said == NOTHING_SAID:
        said = said_in_tags(path)
    plain = Inspection(path, said, said.is_synthetic, "none")
    if not found.manifest:
        return plain
    if not extra_installed():
        return replace(plain, state="unchecked")
    return _with_manifest(plain)


def _with_manifest(plain: Inspection) -> Inspection:
    try:
        import c2pa
    except Exception as error:  # noqa: BLE001  (a library for another system, or a part of it missing)
        return replace(plain, state="unchecked", reason=str(error))
    from facefusion_cli.core.media.marking.signing import context_settings

    try:
        with c2pa.Context.from_dict(context_settings()) as context, plain.path.open("rb") as stream:
            reader = c2pa.Reader.try_create(media_type(plain.path), stream, None, context)
            if reader is None:
                return replace(plain, state="invalid", reason="there is nothing in it")
            with reader:
                store = json.loads(reader.json())
    except c2pa.C2paError as error:
        return replace(plain, state="invalid", reason=str(error))
    manifest = store.get("manifests", {}).get(store.get("active_manifest"), {})
    certificate = manifest.get("signature_info", {})
    signer = ", ".join(filter(None, (certificate.get("common_name"), certificate.get("issuer"))))
    codes = _failures(store)
    if store.get("validation_state") in ("Valid", "Trusted"):
        state: State = "trusted" if store["validation_state"] == "Trusted" else "valid"
        return replace(plain, said=_filled(_said(manifest), plain.said), state=state, signer=signer)
    state = "tampered" if any(code.endswith(".mismatch") for code in codes) else "invalid"
    said = _filled(plain.said, _said(manifest))
    return replace(plain, said=said, state=state, signer=signer, reason=", ".join(codes))


def _failures(store: Mapping[str, Any]) -> list[str]:
    """What is wrong with the manifest of the file itself."""
    results = store.get("validation_results", {}).get("activeManifest", {}).get("failure", [])
    codes = (str(one.get("code", "")) for one in results)
    return [code for code in dict.fromkeys(codes) if code and code != "signingCredential.untrusted"]


def _said(manifest: Mapping[str, Any]) -> Said:
    """What the actions of a manifest say, the last one that tells a source type."""
    from facefusion_cli.core.media.marking.signing import ENGINE, MODEL

    said = Said(tool=_program(manifest.get("claim_generator_info", [{}])[0]))
    for assertion in manifest.get("assertions", []):
        if not str(assertion.get("label", "")).startswith("c2pa.actions"):
            continue
        for action in assertion.get("data", {}).get("actions", []):
            if not (source_type := action.get("digitalSourceType")):
                continue
            parameters = action.get("parameters") or {}
            said = Said(
                str(source_type),
                _program(action.get("softwareAgent")) or said.tool,
                str(parameters.get(MODEL, "")),
                str(action.get("when", "")),
                str(parameters.get(ENGINE, "")),
            )
    return said


def _program(named: object) -> str:
    """A program as manifests name it: by a text, or by its name and version."""
    if isinstance(named, dict):
        return " ".join(str(named[key]) for key in ("name", "version") if named.get(key))
    return named if isinstance(named, str) else ""


def _filled(first: Said, second: Said) -> Said:
    """The one, with what it does not say taken from the other."""
    if TOOL in first.tool and TOOL not in second.tool:
        second = NOTHING_SAID
    values = {one.name: getattr(first, one.name) or getattr(second, one.name) for one in fields(Said)}
    return Said(**values)
