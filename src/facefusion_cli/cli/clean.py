"""``facefusion clean``: remove what runs have left behind, or everything."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facefusion_cli.cli.console import Console
from facefusion_cli.cli.device_options import ModelsDirOption
from facefusion_cli.core.failures import in_words
from facefusion_cli.errors import FaceFusionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from facefusion_cli.core.cleaning import LeftOver
    from facefusion_cli.core.weights.store import Store

__all__ = ["EXAMPLES", "clean"]

EXAMPLES = """\
Examples:
$ facefusion clean --dry-run
$ facefusion clean ~/Videos
$ facefusion clean --all && pip uninstall facefusion-cli
"""

_MESSAGES = "Messages"


def clean(
    context: typer.Context,
    places: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PLACES",
            help="Folders in which to look for what killed runs have left.",
            show_default="the current folder",
        ),
    ] = None,
    everything: Annotated[
        bool,
        typer.Option(
            "--all",
            help="Remove the weights too, the journals of folders of results, and what was answered about licences.",
        ),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Remove nothing, print what would go.")] = False,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Remove everything without being asked.")] = False,
    models_dir: ModelsDirOption = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print a JSON object a line for each path.", rich_help_panel=_MESSAGES)
    ] = False,
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help="Print nothing but paths and errors.", rich_help_panel=_MESSAGES)
    ] = False,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Say more about errors.", rich_help_panel=_MESSAGES)
    ] = False,
) -> int:
    """Remove the unfinished work of videos, unfinished downloads, left-over temporary files and caches.

    Unfinished work is found wherever it is. What a running program uses stays. Prints the path of each thing removed.

    With --all nothing is left but the program itself, pictures and videos.
    """
    console: Console = context.obj
    console.json, console.quiet, console.verbose = json, quiet, verbose
    try:
        with in_words():
            from facefusion_cli.core.cleaning import find_left_overs
            from facefusion_cli.core.home import models_folder
            from facefusion_cli.core.weights.catalog import catalog
            from facefusion_cli.core.weights.store import Store

            store = Store(models_folder(models_dir), catalog())
            found = find_left_overs(places or [Path()], store, everything=everything)
            if everything and not (yes or dry_run) and found and console.can_ask:
                _ask(console, found)
            return _remove(console, store, found, everything=everything, dry=dry_run)
    except FaceFusionError as error:
        console.failure(error)
        return error.exit_code


def _ask(console: Console, found: "Sequence[LeftOver]") -> None:
    from facefusion_cli.core.sizes import in_words as size_in_words

    for one in found:
        console.notice(f"{one.path}  {size_in_words(one.bytes)}")
    if not console.ask("Remove all of this?"):
        raise FaceFusionError("nothing was removed.")


def _remove(console: Console, store: "Store", found: "Sequence[LeftOver]", *, everything: bool, dry: bool) -> int:
    from facefusion_cli.cli.progress import Lines
    from facefusion_cli.core.cleaning import remove_empty_folders, remove_left_over
    from facefusion_cli.core.sizes import in_words as size_in_words

    exit_code, freed, watcher = 0, 0, Lines(console)
    for one in found:
        about = {"path": str(one.path), "kind": one.kind, "bytes": one.bytes}
        try:
            gone = remove_left_over(one, store, watcher, dry=dry)
        except FaceFusionError as error:
            console.failure(error, **about)
            exit_code = exit_code or error.exit_code
            continue
        if gone:
            freed += one.bytes
            console.path(one.path)
        else:
            console.warning(f'"{one.path}" is in use by a running program and stays.')
        console.record(ok=True, **about, removed=gone and not dry, in_use=not gone)
    if everything and not dry:
        for folder in remove_empty_folders(store):
            console.path(folder)
            console.record(ok=True, path=str(folder), kind="folder", bytes=0, removed=True, in_use=False)
    if not found:
        console.done("there is nothing to remove.")
    else:
        console.done(f"{size_in_words(freed)} {'would be' if dry else 'are'} free again.")
    return exit_code
