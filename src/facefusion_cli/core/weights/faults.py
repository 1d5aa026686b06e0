"""Why a source does not give a file, in words for a user who knows nothing of networks."""

from __future__ import annotations

import re
import socket
import ssl
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Literal

from facefusion_cli.core.addresses import host_of, masked, without_account

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Reason", "SourceFault", "connection_fault", "number_in", "proxy_fault", "proxy_for", "status_fault"]

Reason = Literal[
    "offline",
    "dns",
    "proxy",
    "refused",
    "timeout",
    "interrupted",
    "tls",
    "unauthorized",
    "gated",
    "forbidden",
    "not-found",
    "rate-limited",
    "server",
    "web-page",
    "mismatch",
    "network",
]


class SourceFault(Exception):  # noqa: N818, a fact about a source; the error is that no source is left
    """A source does not give the file; another one may.

    ``clause`` is a sentence without its full stop that names the host.
    """

    def __init__(
        self,
        reason: Reason,
        clause: str,
        *,
        concerns: Literal["file", "host", "proxy"] = "file",
        again: bool = False,
        wait: float | None = None,
    ) -> None:
        """``concerns``: the file alone, all that the host has, or all that the proxy leads to.

        ``again``: going on at once may help; ``wait``: so many seconds later.
        """
        super().__init__(clause)
        self.reason: Reason = reason
        self.clause = clause
        self.concerns = concerns
        self.again = again
        self.wait = wait


def proxy_for(url: str) -> str | None:
    """Address of the proxy that the environment (or the system) names for ``url``, without the account."""
    from urllib.request import getproxies, proxy_bypass_environment  # type: ignore[attr-defined]

    proxies = getproxies()
    proxy = proxies.get(url.partition("://")[0].lower()) or proxies.get("all")
    if not proxy or proxy_bypass_environment(host_of(url), proxies):
        return None
    address = without_account(proxy)
    return address if "://" in address else f"http://{address}"


def proxy_fault(url: str, why: str) -> SourceFault:
    """The proxy for ``url`` does not let requests through."""
    return SourceFault("proxy", f"{_proxy_name(url)} {why}", concerns="proxy")


def connection_fault(error: Exception, url: str, *, begun: bool = False) -> SourceFault:
    """What it means that a request to ``url`` raised ``error``, an ``OSError`` or an error of httpx2.

    ``begun``: the file was arriving already.
    """
    import httpx2

    if isinstance(error, httpx2.InvalidURL):
        # Its own text may quote a password.
        return SourceFault("network", f'"{masked(url)}" is not an address that could be used')
    host, causes = host_of(url), tuple(_causes(error))
    connecting = isinstance(error, OSError | httpx2.ConnectError | httpx2.ConnectTimeout)
    if isinstance(error, httpx2.ProxyError):
        if str(error).startswith("407"):
            return proxy_fault(url, "wants a name and a password")
        clause = f"{_proxy_name(url)} does not let the connection to {host} through ({error})"
        return SourceFault("proxy", clause, concerns="host")
    if tls := next((cause for cause in causes if isinstance(cause, ssl.SSLError)), None):
        return SourceFault("tls", f"no secure connection to {host} can be made ({_tls_reason(tls)})", concerns="host")
    if connecting and proxy_for(url) is not None:
        return proxy_fault(url, f"on the way to {host} cannot be reached")
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        clause = f"{host} cannot be found (DNS), as when there is no internet connection"
        return SourceFault("dns", clause, concerns="host")
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return SourceFault("refused", f"{host} refuses the connection", concerns="host")
    if isinstance(error, TimeoutError | httpx2.TimeoutException):
        if begun:
            return SourceFault("timeout", f"{host} stopped sending in the middle of the file", again=True)
        return SourceFault("timeout", f"{host} does not answer", concerns="host")
    if not connecting and isinstance(error, httpx2.NetworkError | httpx2.RemoteProtocolError):
        return SourceFault("interrupted", f"the connection to {host} broke off", again=True)
    why = next((cause.strerror for cause in causes if isinstance(cause, OSError) and cause.strerror), str(error))
    return SourceFault("network", f"the connection to {host} failed ({why})", concerns="host" if connecting else "file")


def status_fault(status: int, headers: Mapping[str, str], url: str) -> SourceFault:
    """What an answer with an error status (or none that was to be expected) means."""
    host = host_of(url)
    # The hub answers 401 for what is not there too, and says in this header what it means.
    code = headers.get("X-Error-Code", "")
    if code == "GatedRepo":
        return SourceFault("gated", f"{host} gives the file only to users who have accepted its terms there")
    if code in {"RepoNotFound", "RevisionNotFound", "EntryNotFound"} or status in {404, 410}:
        return SourceFault("not-found", f"{host} does not have the file")
    if status == 401:
        return SourceFault("unauthorized", f"{host} gives the file only to users who have signed in")
    if status in {403, 451}:
        return SourceFault("forbidden", f"{host} denies access to the file")
    if status == 407:
        return proxy_fault(url, "wants a name and a password")
    wait = _retry_after(headers.get("Retry-After", ""))
    if status == 429:
        later = "" if wait is None else f" and says to try again in {_duration(wait)}"
        return SourceFault("rate-limited", f"{host} has had too many requests{later}", concerns="host", wait=wait)
    if status >= 500:
        return SourceFault("server", f"{host} has a fault of its own (status {status})", wait=wait)
    return SourceFault("network", f"{host} gave an unexpected answer (status {status})")


def number_in(value: str) -> int | None:
    """The whole number that a header holds; None if it is none, or has more digits than any that could be meant."""
    return int(value) if re.fullmatch(r"\s*[0-9]{1,20}\s*", value) else None


def _proxy_name(url: str) -> str:
    proxy = proxy_for(url)
    return "the proxy" if proxy is None else f"the proxy {host_of(proxy)}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _tls_reason(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    return str(getattr(error, "reason", None) or error).replace("_", " ").lower()


def _retry_after(value: str) -> float | None:
    """Seconds, of a header that gives them or a date."""
    if (seconds := number_in(value)) is not None:
        return float(seconds)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"
