"""Licences shown, and the offer to fetch the weights of a better engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from facefusion_cli.cli.console import Console
    from facefusion_cli.core.weights.catalog import Licence, Weight
    from facefusion_cli.core.weights.provision import Offer, Provision
    from facefusion_cli.core.weights.watcher import Watcher

__all__ = ["asker", "displayer", "provision_for", "show_licences"]


def show_licences(console: Console, licences: Sequence[Licence]) -> None:
    """The terms, said even with ``--quiet``."""
    console.notice("These weights are for non-commercial use only:")
    for licence in licences:
        console.notice(f"  {licence.title}")
        console.notice(f"  {licence.url}")


def asker(console: Console) -> Callable[[Offer], bool] | None:
    """What puts an offer to the person at the terminal; None where there is nobody, or who wants to hear nothing."""
    if console.quiet or console.json or not console.can_ask:
        return None

    def ask(offer: Offer) -> bool:
        from facefusion_cli.core.sizes import in_words

        console.notice(f"The {offer.engine} engine gives better results, but its weights are not stored yet.")
        show_licences(console, offer.licences)
        agreed = console.ask(f"Fetch them now, {in_words(offer.bytes)}?")
        if not agreed:
            console.done("This is not asked again.")
        return agreed

    return ask


def displayer(console: Console) -> Callable[[Sequence[Weight]], AbstractContextManager[Watcher]]:
    """What shows how far the fetching of weights is."""

    def display(weights: Sequence[Weight]) -> AbstractContextManager[Watcher]:
        from facefusion_cli.cli.progress import show_progress

        return show_progress(console, {weight.name: weight.bytes for weight in weights})

    return display


def provision_for(console: Console, models_dir: Path | None) -> Provision:
    """What sees to the weights of engines: asks the person at the terminal, and shows how far fetching is."""
    from facefusion_cli.core.weights.provision import Provision

    return Provision(models_dir=models_dir, ask=asker(console), display=displayer(console))
