"""Addresses of servers and proxies, as they may be shown to anybody: without what is secret in them."""

from __future__ import annotations

import re

__all__ = ["host_of", "masked", "masked_setting", "without_account"]

_SCHEME = r"^([a-z][a-z0-9+.-]*://)?"
_ACCOUNT = re.compile(rf"{_SCHEME}[^/?#]*@", re.IGNORECASE)
_HOST = re.compile(rf"{_SCHEME}([^/?#]*@)?(?P<host>[^/?#]*)", re.IGNORECASE)
_QUERY = re.compile(r"([?#]).*$", re.DOTALL)
# In what a user has written a password may hold any character, also those that ought to be encoded.
_WRITTEN_ACCOUNT = re.compile(rf"{_SCHEME}.*@", re.IGNORECASE | re.DOTALL)


def masked(address: str) -> str:
    """The address with "***" in place of a name and password, and of what follows its path: it may be a token."""
    return _QUERY.sub(r"\1***", _ACCOUNT.sub(r"\1***@", address))


def host_of(address: str) -> str:
    """Host of an address, with its port if it names one; "" if there is none."""
    found = _HOST.match(address)
    return found["host"] if found else ""


def masked_setting(setting: str) -> str:
    """``masked`` for an address as a user has written it, where all up to the last @ may be an account."""
    return _QUERY.sub(r"\1***", _WRITTEN_ACCOUNT.sub(r"\1***@", setting))


def without_account(setting: str) -> str:
    """An address as a user has written it, without the name and password."""
    return _WRITTEN_ACCOUNT.sub(r"\1", setting)
