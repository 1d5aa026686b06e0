"""``POST /faceswap`` and ``POST /lipsync``: sent in, and the result comes back in the answer."""

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response

from facefusion_cli.api.auth import key_required
from facefusion_cli.api.body import ClientGone
from facefusion_cli.api.documents import file_answer, form_body, problems
from facefusion_cli.api.forms import LIPSYNC_FILES, SWAP_FILES, LipSyncForm, SwapForm
from facefusion_cli.api.front import Front
from facefusion_cli.api.negotiation import PICTURES, VIDEOS
from facefusion_cli.api.orders import OrderKind
from facefusion_cli.api.problems import Problem, fail_of
from facefusion_cli.api.results import ResultResponse, client_gone
from facefusion_cli.api.taking import take
from facefusion_cli.api.work.job import Job

__all__ = ["work_routes"]

_ERRORS = (400, 406, 408, 413, 415, 422, 500, 503, 504, 507)


def work_routes(front: Front) -> APIRouter:
    """The routes that answer with the result."""
    key = front.settings.api_key
    router = APIRouter(dependencies=key_required(key), tags=["work"])
    errors = problems(*_ERRORS, *([401] if key else []))

    @router.post(
        "/faceswap",
        summary="Put one face into a picture or a video",
        response_class=Response,
        responses=file_answer("The new picture or video.", [*PICTURES.values(), *VIDEOS.values()], "faceswap.png")
        | errors,
        openapi_extra=form_body(SWAP_FILES, SwapForm, front.settings),
    )
    async def faceswap(request: Request) -> Response:
        """Answers with the target with its new face, as the type that `Accept` asks for, else the target's own."""
        return await _answer(front, request, "faceswap")

    @router.post(
        "/lipsync",
        summary="Make a face speak",
        response_class=Response,
        responses=file_answer("The new video.", VIDEOS.values(), "lipsync.mp4") | errors,
        openapi_extra=form_body(LIPSYNC_FILES, LipSyncForm, front.settings),
    )
    async def lipsync(request: Request) -> Response:
        """Answers with the video, whose lips now follow the audio."""
        return await _answer(front, request, "lipsync")

    return router


async def _answer(front: Front, request: Request, kind: OrderKind) -> Response:
    job = await take(front, request, kind, keep=False)
    try:
        await _until_ended(job, request)
        if job.failure is not None:
            raise fail_of(job.failure)
        if job.result is None:
            raise Problem(503, "cancelled", "the work was cancelled.")
        return ResultResponse(job, job.result, done=lambda: front.service.release(job))
    except BaseException:
        front.service.release(job)
        raise


async def _until_ended(job: Job, request: Request) -> None:
    """Wait for the job.

    Raises:
        ClientGone: nobody waits for it any more.
    """
    waits: list[asyncio.Task[Any]] = [
        asyncio.create_task(job.wait()),
        asyncio.create_task(client_gone(request.receive)),
    ]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()
    if not job.ended:
        raise ClientGone
