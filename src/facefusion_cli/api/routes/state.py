"""``/health``, ``/ready`` and ``/metrics``: for those who watch over the service."""

from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from facefusion_cli.api.auth import key_required
from facefusion_cli.api.documents import plain_answer, problems
from facefusion_cli.api.front import Front
from facefusion_cli.api.metrics import CONTENT_TYPE, Metrics
from facefusion_cli.api.problems import Problem, unavailable
from facefusion_cli.api.work.admission import Draining

__all__ = ["state_routes"]


class Health(BaseModel):
    """It lives."""

    status: Literal["ok"]


class Ready(BaseModel):
    """It can work."""

    status: Literal["ready"]
    engines: dict[str, str] = Field(examples=[{"faceswap": "mesh", "lipsync": "mouth"}])
    device: str = Field(examples=["cpu"])
    notes: list[str] = Field(description="What whoever runs the service should know.")


def state_routes(front: Front, metrics: Metrics) -> APIRouter:
    """The routes that tell how things are."""
    router = APIRouter(tags=["state"])
    key = front.settings.api_key

    @router.get("/health", summary="Whether it lives", responses=plain_answer())
    async def health() -> Health:
        """Answers as long as the process does, also while engines are loaded and while work is done."""
        return Health(status="ok")

    @router.get("/ready", summary="Whether it can work", responses=plain_answer() | problems(503))
    async def ready() -> Ready:
        """Answers 200 once a device has passed its test and all engines are loaded."""
        if front.draining:
            raise unavailable(Draining())
        now = front.service.readiness
        if not now.ready:
            message = " ".join(now.reasons) or "the engines are being loaded."
            raise Problem(503, "not-ready", message, headers={"Retry-After": "5"})
        return Ready(
            status="ready",
            engines={str(kind): name for kind, name in now.engines.items()},
            device=now.device,
            notes=[*now.notes, *now.reasons],
        )

    @router.get(
        "/metrics",
        summary="Counts and durations, for Prometheus",
        dependencies=key_required(key),
        response_class=Response,
        responses=plain_answer(description="Counts.", content={CONTENT_TYPE: {"schema": {"type": "string"}}})
        | problems(*([401] if key else [])),
    )
    async def counts() -> Response:
        """The text format of Prometheus."""
        return Response(metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    return router
