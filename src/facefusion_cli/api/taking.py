"""From a request to an order: places first, then the body, then what it asks for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from facefusion_cli.api.body import check_length
from facefusion_cli.api.exchange import exchange_of
from facefusion_cli.api.forms import LIPSYNC_FILES, SWAP_FILES, LipSyncForm, SwapForm, read_fields
from facefusion_cli.api.negotiation import acceptable, choose_suffix
from facefusion_cli.api.orders import LipSyncOrder, SwapOrder
from facefusion_cli.api.problems import Problem
from facefusion_cli.api.uploads import receive_form
from facefusion_cli.core.faces.selection import LARGEST
from facefusion_cli.core.faceswap.options import People
from facefusion_cli.core.media.video.containers import check_container

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

    from facefusion_cli.api.front import Front
    from facefusion_cli.api.orders import Order, OrderKind
    from facefusion_cli.api.uploads import Form, Upload
    from facefusion_cli.api.work.job import Job
    from facefusion_cli.core.faces.selection import FaceSelection
    from facefusion_cli.core.media.formats import Kind

__all__ = ["take"]

_KINDS: dict[OrderKind, tuple[Kind, ...]] = {"faceswap": ("picture", "video"), "lipsync": ("video",)}


async def take(front: Front, request: Request, kind: OrderKind, *, keep: bool) -> Job:
    """Read a request's form and hand over what it asks for; ``keep`` as ``Service.submit`` takes it.

    Without ``keep`` the result has to be of a type that the client accepts. With it that decides only among types.

    Raises:
        Problem, NotAdmitted: it is refused.
        ClientGone: the client went away.
    """
    limits = front.settings.limits
    most = limits.swap_bytes if kind == "faceswap" else limits.lipsync_bytes
    accept = ",".join(request.headers.getlist("accept"))
    if keep and not acceptable(accept, *_KINDS[kind]):
        accept = ""
    if not acceptable(accept, *_KINDS[kind]):
        raise _not_acceptable()
    with front.reserve() as place:
        check_length(request, most)
        folder = front.service.new_folder()
        try:
            files, fields = (SWAP_FILES, SwapForm) if kind == "faceswap" else (LIPSYNC_FILES, LipSyncForm)
            form = await receive_form(request, folder, files, fields.model_fields, limits, most)
            order = _swap(form, folder, accept) if kind == "faceswap" else _lipsync(form, folder, accept)
            _check_engine(front, kind, order.options.engine)
            _check_mark(front, order.options.mark)
            job = front.service.submit(order, place, keep=keep)
        except BaseException:
            front.service.discard(folder)
            raise
    exchange_of(request).belongs_to(job)
    return job


def _swap(form: Form, folder: Path, accept: str) -> Order:
    options = read_fields(SwapForm, form.texts).options()
    people = People(form.paths("extra_source"), _reference(form, options.face))
    target = form.file("target_image")
    output = _output(folder, target, target.kind, accept, options.video.encode.codec)
    return SwapOrder(folder, form.file("source_image").path, target.path, output, replace(options, people=people))


def _lipsync(form: Form, folder: Path, accept: str) -> Order:
    options = read_fields(LipSyncForm, form.texts).options()
    soundtrack = next(iter(form.paths("soundtrack")), None)
    options = replace(options, reference=_reference(form, options.face), soundtrack=soundtrack)
    video = form.file("video")
    output = _output(folder, video, "video", accept, options.video.encode.codec)
    return LipSyncOrder(folder, video.path, form.file("audio").path, output, options)


def _reference(form: Form, face: FaceSelection) -> Path | None:
    """The picture of the person meant.

    Raises:
        Problem: 422, a face is chosen by its place as well.
    """
    path = next(iter(form.paths("reference")), None)
    if path is not None and face != LARGEST:  # which the page /docs always sends
        message = '"face" chooses by place, "reference" by person: only one of them can be.'
        raise Problem(422, "bad-field", message, fields=[("face", message)])
    return path


def _output(folder: Path, target: Upload, kind: str, accept: str, codec: str) -> Path:
    """Where the result goes, with the suffix of its type."""
    what: Kind = "video" if kind == "video" else "picture"
    suffix = choose_suffix(accept, target.path, what)
    if suffix is None:
        raise _not_acceptable()
    output = folder / f"result{suffix}"
    if what == "video":
        check_container(output, codec)
    return output


def _check_engine(front: Front, kind: OrderKind, name: str) -> None:
    there = front.engine_of(kind)
    if name not in ("auto", there):
        message = f'this server does not have the engine "{name}".'
        raise Problem(422, "no-engine", message, hint=f'It has "{there}".', fields=[("engine", message)])


def _check_mark(front: Front, mark: bool) -> None:
    if not mark and not front.settings.allow_no_mark:
        message = "this server marks all results as synthetic."
        raise Problem(422, "mark-required", message, hint="Leave the field out.", fields=[("mark", message)])


def _not_acceptable() -> Problem:
    return Problem(
        406,
        "not-acceptable",
        "the result can have none of the types that are accepted.",
        hint="Send no Accept, or one with image/png or video/mp4 for example.",
    )
