"""The key that results are signed with: the user's own by two environment variables, else one made here, once.

One file holds the private key, its certificate and the certificate of the root that has signed it, in this order; so
it is there whole or not at all. The root's own key is forgotten: nothing else will ever be signed by it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from facefusion_cli.core.home import home_folder
from facefusion_cli.core.media.marking.certificates import (
    algorithm_of,
    blocks,
    certificate_of,
    is_root,
    new_key,
    now,
    private_key_of,
)
from facefusion_cli.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CERTIFICATE_VARIABLE", "KEY_VARIABLE", "Identity", "extra_installed", "identity", "own_roots"]

CERTIFICATE_VARIABLE = "FACEFUSION_C2PA_CERT"
KEY_VARIABLE = "FACEFUSION_C2PA_KEY"

_FILE = "signing.pem"
_UNFINISHED = ".signing-"


@dataclass(frozen=True, slots=True)
class Identity:
    """What a manifest is signed with."""

    chain: str
    """PEM: the certificate of the key, then those above it, without the root."""
    key: str
    """PEM, PKCS #8."""
    algorithm: str
    """As C2PA calls it: "es256"."""


def extra_installed() -> bool:
    """Whether manifests can be written and checked here."""
    return find_spec("c2pa") is not None and find_spec("cryptography") is not None


def identity() -> Identity:
    """The key and certificate to sign with; made at the first call.

    Raises:
        UsageError: only one of the two environment variables is set, or what they name, or the key made here, cannot be
            used (any more).
        InputError: a file they name cannot be read.
        OSError: none can be kept.
    """
    chain, key = _given() or _local()
    try:
        return _checked(_without_root(chain), key)
    except UsageError as error:
        raise UsageError(error.message, hint=_hint()) from error


def own_roots() -> str:
    """The roots that are trusted here, as PEM: of the key made here if there is one, of the user's own.

    Raises:
        UsageError, InputError: see ``identity``.
    """
    given = _given()
    chains = [] if given is None else [given[0]]
    with contextlib.suppress(OSError, UsageError):  # none has been made here, or there is no place for it
        chains.append(_folder().joinpath(_FILE).read_text(encoding="ascii"))
    return "".join(block for chain in chains for block in blocks(chain, "CERTIFICATE") if is_root(block))


def _checked(certificates: str, key: str) -> Identity:
    from cryptography.hazmat.primitives import serialization

    certificate, private = certificate_of(certificates), private_key_of(key)
    form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    if certificate.public_key().public_bytes(*form) != private.public_key().public_bytes(*form):
        raise UsageError("the certificate for C2PA is not that of the private key.")
    if not certificate.not_valid_before_utc <= now() <= certificate.not_valid_after_utc:
        raise UsageError("the certificate for C2PA is not valid today.")
    return Identity(certificates, key, algorithm_of(private))


def _given() -> tuple[str, str] | None:
    names = [os.environ.get(variable, "") for variable in (CERTIFICATE_VARIABLE, KEY_VARIABLE)]
    if not any(names):
        return None
    if not all(names):
        raise UsageError(f"{CERTIFICATE_VARIABLE} and {KEY_VARIABLE} go together, and one of them is not set.")
    chain, key = (_read(Path(name)) for name in names)
    if not blocks(chain, "CERTIFICATE"):
        raise UsageError(f'"{names[0]}" holds no certificate in PEM form.')
    if "PRIVATE KEY" not in key:
        raise UsageError(f'"{names[1]}" holds no private key in PEM form.')
    return chain, key


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise InputError(f'"{path}" cannot be read: {(error.strerror or "unknown").lower()}.') from error


def _local() -> tuple[str, str]:
    folder = _folder()
    path = folder / _FILE
    try:
        text = path.read_text(encoding="ascii")
    except FileNotFoundError:
        _make(folder, path)
        text = path.read_text(encoding="ascii")
    return "".join(blocks(text, "CERTIFICATE")), "".join(blocks(text, "PRIVATE KEY"))


def _folder() -> Path:
    return home_folder() / "c2pa"


def _make(folder: Path, path: Path) -> None:
    """Make the file, unless another process has meanwhile."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone(folder):
        if path.exists():
            return
        for leftover in folder.glob(f"{_UNFINISHED}*"):
            leftover.unlink()
        unfinished = folder / f"{_UNFINISHED}{secrets.token_hex(4)}"
        descriptor = os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(new_key())
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):  # where nobody can be kept out (Windows) the first one wins
                unfinished.rename(path)
        finally:
            unfinished.unlink(missing_ok=True)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Inside, no other process makes a key; the system lets go of a lock on a folder when its process ends."""
    if sys.platform == "win32":
        yield
        return
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network file systems have no locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _without_root(chain: str) -> str:
    """A manifest need not carry it: who trusts it has it."""
    first, *others = blocks(chain, "CERTIFICATE")
    return "".join([first, *(block for block in others if not is_root(block))])


def _hint() -> str:
    if os.environ.get(CERTIFICATE_VARIABLE):
        return f"Look at the files that {CERTIFICATE_VARIABLE} and {KEY_VARIABLE} name."
    return f'Delete "{_folder() / _FILE}": a new one is made then.'
