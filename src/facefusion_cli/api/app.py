"""The application: its routes, its errors, and what is around them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI

from facefusion_cli import __version__
from facefusion_cli.api import docs
from facefusion_cli.api.documents import describe
from facefusion_cli.api.exchange import Observed
from facefusion_cli.api.front import Front
from facefusion_cli.api.metrics import Metrics
from facefusion_cli.api.problems import add_handlers
from facefusion_cli.api.routes.jobs import job_routes
from facefusion_cli.api.routes.state import state_routes
from facefusion_cli.api.routes.work import work_routes

if TYPE_CHECKING:
    from facefusion_cli.api.settings import ServeSettings
    from facefusion_cli.api.work.service import Service

__all__ = ["create_app", "front_of"]

_ABOUT = """\
Swaps faces in pictures and videos, and makes faces speak.

Pictures and videos are sent as fields of a form and come back as the answer, or as the result of a job. Errors are
problem documents (RFC 9457).
"""
_TAGS = [
    {"name": "work", "description": "The result comes back in the answer."},
    {"name": "jobs", "description": "Long work: send it in, ask how far it is, fetch the result."},
    {"name": "state", "description": "For those who watch over the service."},
]


def create_app(settings: ServeSettings, service: Service) -> FastAPI:
    """The application for a ``service`` that whoever calls this starts and closes."""
    front = Front(settings, service)
    metrics = Metrics(service)
    app = FastAPI(
        title="facefusion",
        version=__version__,
        description=_ABOUT,
        openapi_tags=_TAGS,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.front = front
    for router in (work_routes(front), job_routes(front), state_routes(front, metrics), docs.router):
        app.include_router(router)
    add_handlers(app)
    describe(app)
    app.add_middleware(
        Observed, engine_of=front.engine_of, count=metrics.count, idle_seconds=settings.limits.idle_seconds
    )
    return app


def front_of(app: FastAPI) -> Front:
    """The side that clients see of an application of ``create_app``."""
    front = app.state.front
    assert isinstance(front, Front)
    return front
