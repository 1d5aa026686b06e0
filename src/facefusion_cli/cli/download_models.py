"""``facefusion download-models``: fetch, list, check, import and remove weights."""

from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facefusion_cli.cli.device_options import folder
from facefusion_cli.core.failures import in_words
from facefusion_cli.core.weights.needs import DEFAULT_ENGINES
from facefusion_cli.errors import FaceFusionError, UsageError

if TYPE_CHECKING:
    from facefusion_cli.cli.console import Console
    from facefusion_cli.core.weights.catalog import Catalog, Weight

__all__ = ["EXAMPLES", "download_models"]

EXAMPLES = """\
Examples:
$ facefusion download-models
$ facefusion download-models --list
$ facefusion download-models --import ~/Downloads/inswapper_128.onnx
"""

_INSTEAD, _MESSAGES = "Instead of fetching", "Messages"


def _complete_name(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    from facefusion_cli.core.weights.catalog import catalog
    from facefusion_cli.core.weights.needs import ENGINE_WEIGHTS

    names = {weight.name: weight.purpose for weight in catalog().weights}
    names |= dict.fromkeys(ENGINE_WEIGHTS, "all that the engine needs")
    given = context.params.get("names") or ()
    return [(name, what) for name, what in names.items() if name.startswith(incomplete) and name not in given]


def download_models(
    context: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAMES",
            help="Weights, or engines whose weights are meant.",
            show_default=", ".join(DEFAULT_ENGINES),
            autocompletion=_complete_name,
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Take all weights there are.")] = False,
    yes: Annotated[
        bool, typer.Option("-y", "--yes", help="Agree to the licences, or to the removal, without being asked.")
    ] = False,
    models_dir: Annotated[
        Path | None,
        typer.Option(
            "--models-dir",
            metavar="DIR",
            help="Folder of the weights.",
            show_default="models in FACEFUSION_HOME, else in the user's data folder",
            parser=folder,
        ),
    ] = None,
    listing: Annotated[
        bool, typer.Option("--list", help="List weights and what is stored of them.", rich_help_panel=_INSTEAD)
    ] = False,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify",
            help="Read again what is stored and compare it with its SHA-256. What is damaged is set aside, and makes "
            "the exit code 4; the next download-models fetches it again.",
            rich_help_panel=_INSTEAD,
        ),
    ] = False,
    imports: Annotated[
        list[Path] | None,
        typer.Option(
            "--import",
            metavar="FILE",
            help="Store a copy of a file that was got in another way, recognised by its SHA-256. Can be repeated.",
            show_default=False,
            readable=False,
            rich_help_panel=_INSTEAD,
        ),
    ] = None,
    unverified: Annotated[
        bool,
        typer.Option(
            "--unverified",
            help="Take the imported FILE for the weights NAME, although its SHA-256 is unknown.",
            rich_help_panel=_INSTEAD,
        ),
    ] = False,
    remove: Annotated[
        bool, typer.Option("--remove", help="Delete weights from the store.", rich_help_panel=_INSTEAD)
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print a JSON object a line for each weight.", rich_help_panel=_MESSAGES)
    ] = False,
    quiet: Annotated[
        bool,
        typer.Option(
            "-q", "--quiet", help="Print nothing but results, licences and errors.", rich_help_panel=_MESSAGES
        ),
    ] = False,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Say more, also about errors.", rich_help_panel=_MESSAGES)
    ] = False,
) -> int:
    """Fetch the weights that the best engines need, or those of NAMES.

    Prints the path of each file that is stored. What was cut off is gone on with, by the next run.

    Without a terminal nothing is asked: the licences are shown, and running the command is agreeing to them.
    """
    console: Console = context.obj
    console.json, console.quiet, console.verbose = json, quiet, verbose
    given, files = tuple(names or ()), tuple(imports or ())
    try:
        with in_words():
            _check_options(
                given, every=every, modes=(listing, verify, bool(files), remove), files=files, unverified=unverified
            )
            from facefusion_cli.cli import weights
            from facefusion_cli.core.home import models_folder
            from facefusion_cli.core.weights.catalog import catalog
            from facefusion_cli.core.weights.room import check_no_file
            from facefusion_cli.core.weights.store import Store

            store = Store(models_folder(models_dir), catalog())
            chosen = _choose(store.catalog, given)
            check_no_file(store.folder)
            if listing:
                return weights.show_list(console, store, chosen or store.catalog.weights)
            if unverified and len(chosen) != 1:
                raise _unverified_without_name()
            if every:
                chosen = store.catalog.weights
            if files:
                return weights.import_files(console, store, files, chosen[0] if unverified else None)
            if verify:
                return weights.verify(console, store, chosen)
            if remove:
                return weights.remove(console, store, chosen, agreed=yes)
            return weights.download(console, store, chosen or _choose(store.catalog, DEFAULT_ENGINES), agreed=yes)
    except FaceFusionError as error:
        console.failure(error)
        return error.exit_code


def _check_options(
    names: tuple[str, ...], *, every: bool, modes: tuple[bool, ...], files: tuple[Path, ...], unverified: bool
) -> None:
    if sum(modes) > 1:
        raise UsageError("--list, --verify, --import and --remove exclude each other.", hint="Give one of them.")
    if names and every:
        raise UsageError("NAMES and --all exclude each other.", hint="Give one of them.")
    if unverified and not (len(files) == len(names) == 1):
        raise _unverified_without_name()
    if (files and every) or (files and names and not unverified):
        raise UsageError(
            "--import recognises a file by its content and takes no names.",
            hint="Leave them out; with --unverified one says what an unknown file is.",
        )
    if modes[-1] and not (names or every):
        raise UsageError("--remove needs names, or --all.", hint='See "facefusion download-models --list".')


def _unverified_without_name() -> UsageError:
    return UsageError(
        "--unverified needs one FILE to import and the one NAME of the weights that it holds.",
        hint="Write: facefusion download-models NAME --import FILE --unverified",
    )


def _choose(catalog: "Catalog", names: tuple[str, ...]) -> "tuple[Weight, ...]":
    """The weights meant by names of weights and of engines, each once, in the order of the catalog."""
    from facefusion_cli.core.weights.needs import ENGINE_WEIGHTS

    known = {weight.name: (weight.name,) for weight in catalog.weights}
    wanted: set[str] = set()
    for name in names:
        if name not in {**ENGINE_WEIGHTS, **known}:
            near = get_close_matches(name, [*ENGINE_WEIGHTS, *known], 1)
            meant = f'Did you mean "{near[0]}"? ' if near else ""
            raise UsageError(
                f'there are no weights and no engine "{name}".',
                hint=f"{meant}Choose among the engines {', '.join(ENGINE_WEIGHTS)} and the weights {', '.join(known)}.",
            )
        wanted |= {*{**ENGINE_WEIGHTS, **known}[name]}
    return tuple(weight for weight in catalog.weights if weight.name in wanted)
