"""Addresses without what is secret in them."""

from __future__ import annotations

import pytest

from facefusion_cli.core.addresses import host_of, masked, masked_setting, without_account


@pytest.mark.parametrize(
    ("address", "shown", "host"),
    [
        ("https://hub.test/a/b", "https://hub.test/a/b", "hub.test"),
        ("https://hub.test/a/b?c=1&token=secret#d", "https://hub.test/a/b?***", "hub.test"),
        ("https://hub.test#token=secret\n", "https://hub.test#***", "hub.test"),
        ("http://me:secret@hub.test/a?sig=secret", "http://***@hub.test/a?***", "hub.test"),
        ("https://hub.test/a?user=me@x.test&sig=secret", "https://hub.test/a?***", "hub.test"),
        ("https://hub.test/a/b@v1/c", "https://hub.test/a/b@v1/c", "hub.test"),
        ("https://me@hub.test/a/b@v1#c@d", "https://***@hub.test/a/b@v1#***", "hub.test"),
        ("http://hub.test:8080", "http://hub.test:8080", "hub.test:8080"),
        ("http://me:secret@hub.test:80/a", "http://***@hub.test:80/a", "hub.test:80"),
        ("HTTPS://me@hub.test", "HTTPS://***@hub.test", "hub.test"),
        ("http://me:s@e:t@hub.test:9/a", "http://***@hub.test:9/a", "hub.test:9"),
        ("socks5h://me:1@[::1]:9", "socks5h://***@[::1]:9", "[::1]:9"),
        ("me:secret@hub.test:9", "***@hub.test:9", "hub.test:9"),
        ("http://me:secret\n@hub.test:port/a", "http://***@hub.test:port/a", "hub.test:port"),
        ("hub.test/a", "hub.test/a", "hub.test"),
        ("http://[", "http://[", "["),
        ("http://", "http://", ""),
        ("", "", ""),
    ],
)
def test_secrets_are_not_shown(address: str, shown: str, host: str) -> None:
    assert masked(address) == shown
    assert host_of(address) == host


@pytest.mark.parametrize(
    ("setting", "shown", "without"),
    [
        ("http://proxy.test:8080", "http://proxy.test:8080", "http://proxy.test:8080"),
        ("http://me:s/e?c#r@e:t@hub.test:9/a?b", "http://***@hub.test:9/a?***", "http://hub.test:9/a?b"),
        ("socks5h://me:1/2@[::1]:9", "socks5h://***@[::1]:9", "socks5h://[::1]:9"),
        ("me:secret\n@hub.test:9", "***@hub.test:9", "hub.test:9"),
    ],
)
def test_passwords_that_users_have_written_are_not_shown(setting: str, shown: str, without: str) -> None:
    assert masked_setting(setting) == shown
    assert without_account(setting) == without
