"""What the user is told when a weight cannot be had: why, and what can be done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facefusion_cli.core.addresses import masked
from facefusion_cli.core.sizes import in_words
from facefusion_cli.core.weights.command import download_command
from facefusion_cli.core.weights.files import MORE_ROOM
from facefusion_cli.core.weights.hub import TOKEN_VARIABLE, address
from facefusion_cli.errors import DownloadError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from facefusion_cli.core.weights.catalog import Archive, Source, Weight
    from facefusion_cli.core.weights.faults import Reason, SourceFault

__all__ = ["disk_full", "offline", "unavailable"]

_LATER = "Try again later; what has been downloaded so far is kept."
_TOKEN = f"Sign in there, and put a token of your account into {TOKEN_VARIABLE}."

_ADVICE: dict[Reason, str] = {
    "web-page": "Open a web page in a browser to see what your network wants, then try again.",
    "proxy": "Check the settings of the proxy (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY); in a password, "
    "characters such as / # ? @ are written as %2F %23 %3F %40.",
    "tls": "Check the clock of this computer, and whether something on the way reads secure connections.",
    "rate-limited": _LATER,
    "interrupted": _LATER,
    "timeout": _LATER,
    "server": _LATER,
    "dns": "Check the internet connection and try again.",
    "refused": "Check the internet connection and any firewall, and try again.",
    "network": "Check the internet connection and try again.",
    "gated": _TOKEN,
    "unauthorized": _TOKEN,
    "forbidden": "It may not be offered in your country or network.",
    "mismatch": "A newer version of facefusion-cli may know where it is now.",
    "not-found": "A newer version of facefusion-cli may know where it is now.",
}
"""By how telling the reason is: of several, the first one that occurred is the one that something can be done about."""

_TELLING = list(_ADVICE)
_MOST_CLAUSES = 3
_UNREACHED: set[Reason] = {"dns", "timeout"}
_NOT_THERE: set[Reason] = {"not-found", "mismatch", "gated", "unauthorized", "forbidden"}


def unavailable(weight: Weight, folder: Path, faults: Sequence[tuple[Source, SourceFault]]) -> DownloadError:
    """No source gave the weight; ``faults`` are what came of each that was tried, archives' among them."""
    ranked = sorted((fault for _, fault in faults), key=lambda fault: _TELLING.index(fault.reason))
    clauses = list(dict.fromkeys(fault.clause for fault in ranked))[:_MOST_CLAUSES]
    reason = advised = ranked[0].reason
    # Of one host alone nobody can tell whether the fault is its own.
    if len(clauses) > 1 and all(fault.concerns == "host" and fault.reason in _UNREACHED for fault in ranked):
        why = "no server answers" if reason == "timeout" else "no server can be found (DNS)"
        clauses, advised = [f"this computer seems to be offline, for {why}"], "dns"
    missing = [source for source, fault in faults if fault.reason in _NOT_THERE]
    return DownloadError(
        f'"{weight.file}" cannot be downloaded: {"; ".join(clauses)}.',
        reason=reason,
        hint=f"{_ADVICE[advised]} {_by_hand(weight, folder, missing)}",
    )


def offline(weight: Weight, folder: Path) -> DownloadError:
    """The user wants no network."""
    return DownloadError(
        f'"{weight.file}" is not downloaded, because HF_HUB_OFFLINE (or TRANSFORMERS_OFFLINE) is set, and it is not in '
        "the Hugging Face cache.",
        reason="offline",
        hint=f"Unset the variable. {_by_hand(weight, folder, ())}",
    )


def disk_full(file: Weight | Archive, folder: Path) -> DownloadError:
    """The disk became full in the middle."""
    return DownloadError(
        f'no space was left in "{folder}" while "{file.file}" was being downloaded.',
        reason="disk-full",
        hint=f"{MORE_ROOM} What has been downloaded so far is kept, and gone on with.",
    )


def _by_hand(weight: Weight, folder: Path, missing: Sequence[Source]) -> str:
    source = next((source for source in weight.sources if source not in missing), weight.sources[0])
    return (
        f"Or get {masked(address(source))} ({in_words(weight.bytes)}) in another way, and store it with "
        f"{download_command(folder, '--import', 'FILE')}."
    )
