"""Addresses of servers and proxies, as they may be shown to anybody: without what is secret in them."""

from __future__ import annotations

import re

__all__ = ["host_of", "masked"]

# An account goes up to the last @: a password may hold any character, also those that ought to be encoded.
_ACCOUNT = re.compile(r"^([a-z][a-z0-9+.-]*://)?.*@", re.IGNORECASE | re.DOTALL)
_QUERY = re.compile(r"([?#]).*$", re.DOTALL)
_HOST = re.compile(r"([a-z][a-z0-9+.-]*://)?(.*@)?(?P<host>[^/?#]*)", re.IGNORECASE | re.DOTALL)


def masked(address: str) -> str:
    """The address with "***" in place of a name and password, and of what follows its path: it may be a token."""
    return _QUERY.sub(r"\1***", _ACCOUNT.sub(r"\1***@", address))


def host_of(address: str) -> str:
    """Host of an address, with its port if it names one; "" if there is none."""
    found = _HOST.match(address)
    return found["host"] if found else ""
