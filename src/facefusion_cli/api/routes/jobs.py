"""``/jobs``: long work that is sent in, asked after, fetched or cancelled."""

from datetime import datetime
from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from facefusion_cli.api.auth import key_required
from facefusion_cli.api.documents import file_answer, form_body, header, plain_answer, problems
from facefusion_cli.api.exchange import exchange_of
from facefusion_cli.api.forms import LIPSYNC_FILES, SWAP_FILES, LipSyncForm, SwapForm
from facefusion_cli.api.front import Front
from facefusion_cli.api.negotiation import PICTURES, VIDEOS
from facefusion_cli.api.orders import OrderKind
from facefusion_cli.api.problems import Problem, fail_of, no_job
from facefusion_cli.api.results import ResultResponse
from facefusion_cli.api.taking import take
from facefusion_cli.api.work.job import Job

__all__ = ["job_routes"]

_SEND_ERRORS = (400, 406, 408, 413, 415, 422, 500, 503, 507)
_FAILURES = (404, 409, 413, 415, 422, 500, 503, 504, 507)


class JobFailure(BaseModel):
    """Why there is no result."""

    status: int = Field(description="That of the answer to /jobs/{id}/result.", examples=[422])
    code: str = Field(examples=["no-face"])
    detail: str = Field(examples=["no face was found in the target picture."])
    hint: str


class JobState(BaseModel):
    """How far a job is."""

    id: str = Field(examples=["0123456789abcdef0123456789abcdef"])
    kind: Literal["faceswap", "lipsync"]
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    stage: str = Field(description="What is being done just now, or nothing.", examples=["rendering"])
    progress: float = Field(ge=0, le=1, description="1 only of a job that is done.")
    position: int = Field(ge=0, description="Place in the queue, 1 for the next; 0 once it is not queued any more.")
    engine: str = Field(examples=["mesh"])
    notes: list[str] = Field(description="What to know of the result.")
    created: datetime
    started: datetime | None
    finished: datetime | None
    result: str | None = Field(description="Where the result is, of a job that is done.")
    error: JobFailure | None = Field(description="Of a job that failed.")


def job_routes(front: Front) -> APIRouter:
    """The routes of jobs."""
    key = front.settings.api_key
    router = APIRouter(prefix="/jobs", dependencies=key_required(key), tags=["jobs"])
    locked = [401] if key else []
    accepted = plain_answer(
        202,
        description="The job, which has begun to wait.",
        headers={
            "X-FaceFusion-Engine": header("The engine that will do it.", example="mesh"),
            "Location": header("Where to ask after it.", example="/jobs/0123456789abcdef0123456789abcdef"),
        },
    )

    @router.post(
        "/faceswap",
        status_code=202,
        summary="Put one face into a picture or a video, later",
        responses=accepted | problems(*_SEND_ERRORS, *locked),
        openapi_extra=form_body(SWAP_FILES, SwapForm, front.settings),
    )
    async def faceswap(request: Request, response: Response) -> JobState:
        """Takes what `POST /faceswap` takes, and answers with a job to ask after."""
        return await _begin(front, request, response, "faceswap")

    @router.post(
        "/lipsync",
        status_code=202,
        summary="Make a face speak, later",
        responses=accepted | problems(*_SEND_ERRORS, *locked),
        openapi_extra=form_body(LIPSYNC_FILES, LipSyncForm, front.settings),
    )
    async def lipsync(request: Request, response: Response) -> JobState:
        """Takes what `POST /lipsync` takes, and answers with a job to ask after."""
        return await _begin(front, request, response, "lipsync")

    @router.get("/{job_id}", summary="How far a job is", responses=plain_answer() | problems(404, *locked))
    async def state(job_id: str, request: Request) -> JobState:
        """Poll this, once a second for example."""
        return _state_of(_find(front, job_id, request))

    @router.get(
        "/{job_id}/result",
        summary="The result of a job",
        response_class=Response,
        responses=file_answer("The result.", [*PICTURES.values(), *VIDEOS.values()], "faceswap.png")
        | problems(*_FAILURES, *locked),
    )
    async def result(job_id: str, request: Request) -> Response:
        """May be fetched more than once, until it expires. A job that failed is answered with why."""
        job = _find(front, job_id, request)
        if job.failure is not None:
            raise fail_of(job.failure)
        if job.state == "cancelled":
            raise Problem(409, "cancelled", "the job was cancelled.")
        if job.result is None:
            hint = "Ask again, or ask /jobs/{id} how far it is."
            raise Problem(409, "not-finished", "the job is not finished.", hint=hint, headers={"Retry-After": "1"})
        return ResultResponse(job, job.result, done=lambda: None)

    @router.delete(
        "/{job_id}",
        status_code=204,
        summary="Cancel a job, or remove its result",
        response_class=Response,
        responses=plain_answer(204, description="It is cancelled, or gone.") | problems(404, *locked),
    )
    async def cancel(job_id: str, request: Request) -> Response:
        """Of a job that has ended, the result is removed, and there is no such job any more."""
        job = _find(front, job_id, request)
        if job.ended:
            front.service.release(job)
        else:
            front.service.cancel(job)
        return Response(status_code=204)

    return router


async def _begin(front: Front, request: Request, response: Response, kind: OrderKind) -> JobState:
    job = await take(front, request, kind, keep=True)
    response.headers["Location"] = f"/jobs/{job.id}"
    return _state_of(job)


def _find(front: Front, job_id: str, request: Request) -> Job:
    job = front.service.job(job_id)
    if job is None:
        raise no_job()
    exchange_of(request).belongs_to(job)
    return job


def _state_of(job: Job) -> JobState:
    failure = job.failure
    return JobState(
        id=job.id,
        kind=job.kind,
        state=job.state,
        stage=job.stage,
        progress=job.progress,
        position=job.position,
        engine=job.engine,
        notes=list(job.notes),
        created=job.created,
        started=job.started,
        finished=job.finished,
        result=f"/jobs/{job.id}/result" if job.state == "done" else None,
        error=None
        if failure is None
        else JobFailure(status=failure.status, code=failure.code, detail=failure.message, hint=failure.hint),
    )
