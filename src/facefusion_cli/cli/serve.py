"""``facefusion serve``: the HTTP service."""

import logging
import os
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

import typer

from facefusion_cli.cli import video_options as shared
from facefusion_cli.cli.device_options import ModelsDirOption
from facefusion_cli.core.failures import in_words
from facefusion_cli.errors import FaceFusionError, UsageError

if TYPE_CHECKING:
    from facefusion_cli.api.settings import Limits
    from facefusion_cli.cli.console import Console

__all__ = ["EXAMPLES", "serve"]

EXAMPLES = """\
Examples:
$ facefusion serve
$ facefusion serve --port 9000 --device cuda:0 --device cuda:1
$ FACEFUSION_API_KEY=... facefusion serve --host 0.0.0.0
$ curl -X POST http://localhost:8000/faceswap -F source_image=@ada.jpg -F target_image=@party.jpg -o new.jpg
"""

_KEY = "FACEFUSION_API_KEY"
_NEEDED = ("fastapi", "starlette", "uvicorn", "python_multipart", "prometheus_client")
_WHO, _HOW_MUCH, _WORK = "Who can use it", "How much it takes", "What it works with"
_MB = 1_000_000


def serve(
    context: typer.Context,
    host: Annotated[
        str,
        typer.Option("--host", metavar="ADDRESS", help="Address to listen on; 0.0.0.0 for all.", rich_help_panel=_WHO),
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option("--port", metavar="N", help="Port to listen on; 0 for any that is free.", rich_help_panel=_WHO),
    ] = 8000,
    api_key: Annotated[
        str | None,
        typer.Option(
            "--api-key",
            metavar="KEY",
            help="Key that clients must send. Better set in the environment: others may see a command line.",
            envvar=_KEY,
            show_default=False,
            rich_help_panel=_WHO,
        ),
    ] = None,
    insecure: Annotated[
        bool,
        typer.Option("--insecure", help="Listen beyond this machine without a key.", rich_help_panel=_WHO),
    ] = False,
    allow_no_mark: Annotated[
        bool,
        typer.Option(
            "--allow-no-mark",
            help="Let clients ask for results that do not say that they are synthetic (mark=false).",
            rich_help_panel=_WHO,
        ),
    ] = False,
    max_upload: Annotated[
        float | None,
        typer.Option(
            "--max-upload",
            metavar="MB",
            help="Largest request.",
            show_default="50 for faceswap, 512 for lipsync",
            rich_help_panel=_HOW_MUCH,
        ),
    ] = None,
    max_seconds: Annotated[
        float,
        typer.Option("--max-seconds", metavar="S", help="Longest video and longest sound.", rich_help_panel=_HOW_MUCH),
    ] = 600.0,
    queue: Annotated[
        int,
        typer.Option("--queue", metavar="N", help="Jobs that may wait for each worker.", rich_help_panel=_HOW_MUCH),
    ] = 8,
    grace: Annotated[
        float,
        typer.Option(
            "--grace",
            metavar="S",
            help="Seconds that work under way gets when the service is told to end.",
            rich_help_panel=_HOW_MUCH,
        ),
    ] = 30.0,
    device: Annotated[
        list[str] | None,
        typer.Option(
            "--device",
            metavar="auto|cpu|cuda|cuda:N",
            help="Where large networks run; given several times, a worker for each.",
            show_default="FACEFUSION_DEVICE, else auto",
            rich_help_panel=_WORK,
        ),
    ] = None,
    engine: Annotated[
        list[str] | None,
        typer.Option(
            "--engine",
            metavar="NAME",
            help="Engine to use; may be given twice, for faceswap and for lipsync.",
            show_default="the best that is ready",
            rich_help_panel=_WORK,
        ),
    ] = None,
    models_dir: ModelsDirOption = None,
    quiet: shared.QuietOption = False,
    verbose: shared.VerboseOption = False,
) -> int:
    """Serve face swaps and lip syncs over HTTP.

    Says where it listens once it does, and writes a line of JSON to the standard error for each request. Ends with
    Ctrl-C or SIGTERM, once what is under way is finished.
    """
    console: Console = context.obj
    console.quiet, console.verbose = quiet, verbose
    os.environ.pop(_KEY, None)  # no program that is started has to know it
    try:
        with in_words():
            _check_packages()
            from facefusion_cli.api.settings import ServeSettings

            settings = ServeSettings(
                host=host,
                port=port,
                devices=tuple(device) if device else (None,),
                engines=tuple(name for name in dict.fromkeys(engine or ()) if name != "auto"),
                queue=queue,
                api_key=api_key or None,
                insecure=insecure,
                allow_no_mark=allow_no_mark,
                grace=grace,
                models_dir=models_dir,
                limits=_limits(max_upload, max_seconds),
            )
            _check(settings.host, settings.port, settings.queue, settings.grace, settings.api_key)
            from facefusion_cli.api.server import run
            from facefusion_cli.cli.first_use import tell_once

            tell_once(console)
            level = logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO
            return run(settings, console, log_level=level)
    except FaceFusionError as error:
        console.failure(error)
        return error.exit_code


def _check_packages() -> None:
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"the service needs packages that are not installed: {', '.join(missing)}.",
            hint='Install them with: pip install "facefusion-cli[api]"',
        )


def _check(host: str, port: int, queue: int, grace: float, key: str | None) -> None:
    if not host.strip():
        raise UsageError("the address for --host is empty.", hint="127.0.0.1 is this machine alone, 0.0.0.0 for all.")
    if not 0 <= port <= 65535:
        raise UsageError(f"there is no port {port}.", hint="--port takes 0 to 65535.")
    if queue < 0:
        raise UsageError(f"--queue {queue} cannot be.", hint="Take 0 or more.")
    if not 0 <= grace <= 86_400:
        raise UsageError(f"--grace {grace:g} cannot be.", hint="Take 0 or more seconds.")
    if key is not None and not (key.isascii() and key.isprintable() and " " not in key):
        raise UsageError("the key has characters that cannot be sent.", hint="Take ASCII letters, digits and signs.")


def _limits(max_upload: float | None, max_seconds: float) -> "Limits":
    from facefusion_cli.api.settings import Limits

    usual = Limits()
    if not 0 < max_seconds <= 86_400:
        raise UsageError(f"--max-seconds {max_seconds:g} cannot be.", hint="Take more than 0 seconds.")
    # So that longer videos can be had at all, at the usual limit's frames a second.
    frames = max(usual.frames, round(usual.frames / usual.seconds * max_seconds))
    limits = Limits(seconds=max_seconds, frames=frames)
    if max_upload is None:
        return limits
    if not 0 < max_upload <= 1_000_000:
        raise UsageError(f"--max-upload {max_upload:g} cannot be.", hint="Take more than 0 MB.")
    most = round(max_upload * _MB)
    return replace(limits, swap_bytes=most, lipsync_bytes=most, picture_bytes=min(most, usual.picture_bytes))
