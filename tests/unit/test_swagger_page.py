"""The page /docs: whole without a network, and its files those that were published."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from facefusion_cli.api.docs import ASSETS, VERSION, router

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPTS = Path(__file__).parents[2] / "scripts"
FOR_EVER = "public, max-age=31536000, immutable"


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    app = FastAPI(docs_url=None, redoc_url=None)
    app.include_router(router)
    with TestClient(app) as client:
        yield client


class _Addresses(HTMLParser):
    """What a page refers to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inline = False
        self._in_script = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name in {"src", "href", "action"} and value]
        self.inline |= any(name == "style" or name.startswith("on") for name, _ in attrs)
        self._in_script = tag in {"script", "style"}

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False

    def handle_data(self, data: str) -> None:
        self.inline |= self._in_script and bool(data.strip())


def test_every_part_of_the_page_is_served_here(client: TestClient) -> None:
    answer = client.get("/docs")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "//" not in answer.text.replace("<!DOCTYPE", "")
    page = _Addresses(answer.text)
    assert len(page.found) == 4
    assert not page.inline  # which the policy forbids
    for address in page.found:
        part = client.get(urljoin("/docs", address))
        assert part.status_code == 200, address
        assert part.content == (ASSETS / Path(address).name).read_bytes()


def test_the_browser_is_told_to_ask_nobody_else(client: TestClient) -> None:
    policy = client.get("/docs").headers["content-security-policy"]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert {value for rule in rules.values() for value in rule.split()} == {"'none'", "'self'", "data:", "blob:"}


def test_our_own_script_names_nobody_else() -> None:
    script = (ASSETS / "start.js").read_text(encoding="utf-8")
    assert re.findall(r"""["'](https?:)?//""", script) == []
    assert "validatorUrl: null" in script
    assert 'url: "openapi.json"' in script


@pytest.mark.parametrize(
    ("path", "kind", "keep"),
    [
        (
            f"/docs/{VERSION}/swagger-ui-bundle.js",
            "text/javascript; charset=utf-8",
            "public, max-age=31536000, immutable",
        ),
        (f"/docs/{VERSION}/swagger-ui.css", "text/css; charset=utf-8", FOR_EVER),
        (f"/docs/{VERSION}/start.js", "text/javascript; charset=utf-8", "no-cache"),
        ("/docs", "text/html; charset=utf-8", "no-cache"),
    ],
)
def test_what_a_browser_may_keep(client: TestClient, path: str, kind: str, keep: str) -> None:
    answer = client.get(path)
    assert answer.headers["content-type"] == kind
    assert answer.headers["cache-control"] == keep


@pytest.mark.parametrize(
    "path", ["/docs/NOTICE", f"/docs/{VERSION}/NOTICE", f"/docs/{VERSION}/../../../../settings.py"]
)
def test_no_other_file_is_served(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_the_page_is_not_part_of_the_description(client: TestClient) -> None:
    assert client.get("/openapi.json").json()["paths"] == {}


def test_the_files_are_those_of_the_release(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import fetch_swagger_ui

    assert fetch_swagger_ui.VERSION == VERSION
    assert fetch_swagger_ui.FOLDER == ASSETS
    assert fetch_swagger_ui.differing(ASSETS) == {}
    assert fetch_swagger_ui.differing(tmp_path).keys() == fetch_swagger_ui.FILES.keys()


def test_the_notice_names_what_is_shipped() -> None:
    notice = (ASSETS / "NOTICE").read_text(encoding="utf-8")
    assert f"version {VERSION}:" in notice
    named = set(re.findall(r"[\w-]+(?:\.[\w-]+)+", notice)) - {VERSION}
    assert {path.name for path in ASSETS.iterdir()} - {"NOTICE"} <= named
