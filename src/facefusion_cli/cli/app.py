"""Wiring: the Typer application, and what becomes of its errors."""

import signal
from collections.abc import Sequence
from typing import Annotated

import typer

from facefusion_cli import __version__
from facefusion_cli.cli import clean, doctor, download_models, faces, faceswap, inspect, lipsync, serve
from facefusion_cli.cli.console import Console, flush
from facefusion_cli.cli.plain import PlainCommand, PlainGroup
from facefusion_cli.cli.signals import Received, Stopped
from facefusion_cli.cli.video_options import VideoCommand
from facefusion_cli.core.failures import explained, in_words
from facefusion_cli.errors import FaceFusionError

__all__ = ["app", "run"]

PROGRAM = "facefusion"

app = typer.Typer(
    name=PROGRAM,
    cls=PlainGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no usable face, 4 weights not to be had, "
    "5 device not usable, 6 content refused, 130 and 143 interrupted.",
)
for _name, _module, _class, _takes_something in (
    ("faceswap", faceswap, VideoCommand, True),
    ("lipsync", lipsync, VideoCommand, True),
    ("faces", faces, PlainCommand, True),
    ("inspect", inspect, PlainCommand, True),
    ("serve", serve, PlainCommand, False),
    ("download-models", download_models, PlainCommand, False),
    ("doctor", doctor, PlainCommand, False),
    ("clean", clean, PlainCommand, False),
):
    app.command(_name, cls=_class, epilog=_module.EXAMPLES, no_args_is_help=_takes_something)(
        getattr(_module, _name.replace("-", "_"))
    )


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"{PROGRAM} {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Swap faces in pictures and videos, and make faces speak."""


def run(argv: Sequence[str] | None, received: Received) -> int:
    """Run the application and turn whatever happens into sentences and an exit code."""
    console = Console()
    try:
        with in_words(), received.heeded():
            # None lets Typer read the process's own arguments, and expand wildcards where the shell does not (Windows).
            args = None if argv is None else list(argv)
            code = app(args=args, prog_name=PROGRAM, standalone_mode=False, obj=console)
            flush()
    except Stopped as stop:
        if stop.signum in (signal.SIGINT, signal.SIGTERM):
            console.done("interrupted.")
        return stop.exit_code
    except FaceFusionError as error:
        console.failure(error)
        return error.exit_code
    except typer.TyperException as error:
        return _wrong_usage(console, error)
    except Exception as error:  # noqa: BLE001  (the last one: it ends here, in a sentence)
        bug = explained(error)
        console.failure(bug)
        return bug.exit_code
    return int(code or 0)


def _wrong_usage(console: Console, error: typer.TyperException) -> int:
    message = error.format_message()
    if message:  # empty: nothing was asked for, and the help is on the screen
        context = getattr(error, "ctx", None)
        command = PROGRAM if context is None else context.command_path
        sentence = message[0].lower() + message[1:] + ("" if message.endswith((".", "?")) else ".")
        console.error(sentence, f'Try "{command} --help".')
    return error.exit_code
