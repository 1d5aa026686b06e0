"""Hosts that cannot be reached, where several weights are fetched in one run."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from facefusion_cli.cli.console import Console
from facefusion_cli.cli.weights import download
from facefusion_cli.core.weights.catalog import UrlSource
from facefusion_cli.core.weights.consent import Consent
from facefusion_cli.core.weights.needs import ENGINE_WEIGHTS
from facefusion_cli.core.weights.provision import Provision
from facefusion_cli.core.weights.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from facefusion_cli.core.weights.catalog import Catalog
    from tests.conftest import ToyWeights
    from tests.integration.conftest import Server

DEAD = "dead.invalid"


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every look-up of the dead host."""
    real, asked = socket.getaddrinfo, []

    def look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host == DEAD:
            asked.append(host)
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


@pytest.fixture
def store(
    mirror: Server, toy_files: ToyWeights, toy_catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Store:
    """Two weights, each on the dead host first and on a living one next."""
    monkeypatch.setenv("FACEFUSION_HOME", str(tmp_path / "home"))
    weights = tuple(
        replace(
            toy_catalog.weight(name),
            sources=(
                UrlSource(f"http://{DEAD}/{name}"),
                UrlSource(mirror.on(f"/{name}", mirror.reply(toy_files[name]))),
            ),
        )
        for name in ("alpha", "beta")
    )
    return Store(tmp_path / "models", replace(toy_catalog, weights=weights, archives=()))


@pytest.mark.usefixtures("use_hub")
def test_an_engine_asks_a_dead_host_once(
    store: Store, looked_up: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ENGINE_WEIGHTS, "best", ("alpha", "beta"))
    provision = Provision(store, consent=Consent(tmp_path / "consent.json"))
    provision.require("best")
    assert provision.ready("best")
    assert looked_up == [DEAD]


@pytest.mark.usefixtures("use_hub")
def test_download_models_asks_a_dead_host_once(store: Store, looked_up: list[str]) -> None:
    assert download(Console(), store, store.catalog.weights, agreed=True) == 0
    assert looked_up == [DEAD]
