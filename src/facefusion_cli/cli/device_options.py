"""Options that several subcommands share: on which device, how exactly, with how many threads, with which weights."""

from pathlib import Path
from typing import Annotated

import typer

from facefusion_cli.errors import UsageError

__all__ = ["DeviceOption", "ModelsDirOption", "PrecisionOption", "ThreadsOption", "folder"]

_PANEL = "Device"


def _complete_device() -> list[tuple[str, str]]:
    return [
        ("auto", "the first GPU if it passes a small test, else the processor"),
        ("cpu", "the processor"),
        ("cuda", "the first GPU, or an error that says why not"),
        ("cuda:1", "another GPU, by its number"),
    ]


def _complete_precision() -> list[tuple[str, str]]:
    return [
        ("auto", "the fastest that each network passes its self-check in"),
        ("fp32", "32 bits"),
        ("bf16", "16 bits, wide range"),
        ("fp16", "16 bits, GPUs only"),
    ]


def folder(given: str) -> Path:
    """The folder that an option names.

    Raises:
        UsageError: it names none, for which a path would stand for the current one.
    """
    if not given:
        raise UsageError("the name of the folder for --models-dir is empty.", hint="Write the path of a folder.")
    return Path(given)


DeviceOption = Annotated[
    str | None,
    typer.Option(
        "--device",
        metavar="auto|cpu|cuda|cuda:N",
        help="Where large networks run. auto: the first GPU if it passes a small test, else the processor.",
        show_default="FACEFUSION_DEVICE, else auto",
        autocompletion=_complete_device,
        rich_help_panel=_PANEL,
    ),
]
PrecisionOption = Annotated[
    str,
    typer.Option(
        "--precision",
        metavar="auto|fp32|bf16|fp16",
        help="How exactly they compute. auto: the fastest that each network passes its self-check in.",
        autocompletion=_complete_precision,
        rich_help_panel=_PANEL,
    ),
]
ThreadsOption = Annotated[
    int | None,
    typer.Option(
        "--threads",
        metavar="N",
        help="Threads for large networks.",
        show_default="as many as there are cores to use",
        rich_help_panel=_PANEL,
    ),
]
ModelsDirOption = Annotated[
    Path | None,
    typer.Option(
        "--models-dir",
        metavar="DIR",
        help="Folder of the weights.",
        show_default="models in FACEFUSION_HOME, or in the user's data folder",
        parser=folder,
    ),
]
