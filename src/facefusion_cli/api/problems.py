"""What goes wrong, as problem documents (RFC 9457): the sentences of the command, without paths and traces."""

from __future__ import annotations

import http
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from facefusion_cli.api.work.admission import NotAdmitted
from facefusion_cli.api.work.paths import without_paths
from facefusion_cli.errors import (
    DeviceError,
    FaceFusionError,
    InputError,
    NoFaceError,
    UsageError,
    WeightsError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.responses import Response

    from facefusion_cli.api.work.job import Failure

__all__ = ["MEDIA_TYPE", "Problem", "add_handlers", "answer", "bug", "fail_of", "no_job", "problem_of"]

MEDIA_TYPE = "application/problem+json"

_METHODS = ("GET", "POST", "DELETE", "PUT", "PATCH", "OPTIONS", "TRACE")
_SENTENCES = {
    404: ("not-found", "there is nothing at this address.", "/docs shows what there is."),
    405: ("wrong-method", "this address does not take that method.", ""),
}


class Problem(Exception):  # noqa: N818  (the name that RFC 9457 has for it)
    """A request is answered with an error.

    ``message`` is one sentence, ``hint`` says what to do ("" for nothing), ``code`` is one short word for programs.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        hint: str = "",
        headers: Mapping[str, str] | None = None,
        fields: Iterable[tuple[str, str]] = (),
    ) -> None:
        """``fields``: names of form fields, each with what is wrong with it."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.hint = hint
        self.headers = dict(headers or {})
        self.fields = tuple(fields)

    def document(self, request_id: str) -> dict[str, Any]:
        """What the client gets to read."""
        document: dict[str, Any] = {
            "type": "about:blank",
            "title": http.HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.message,
            "code": self.code,
            "hint": self.hint,
            "instance": f"urn:facefusion:request:{request_id}",
            "request_id": request_id,
        }
        if self.fields:
            document["errors"] = [{"field": name, "detail": words} for name, words in self.fields]
        return document


def problem_of(error: FaceFusionError) -> Problem:
    """An error of the program's tree, as a client is told of it."""
    if isinstance(error, NotAdmitted):
        return unavailable(error)
    status = 500
    if error.code == "disk-full":
        status = 507
    elif isinstance(error, (UsageError, InputError, NoFaceError)):
        status = 422
    elif isinstance(error, (WeightsError, DeviceError)):
        status = 503
    return Problem(status, error.code, without_paths(error.message), hint=without_paths(error.hint))


def unavailable(error: NotAdmitted) -> Problem:
    """No order is taken now."""
    return Problem(
        503,
        error.code,
        without_paths(error.message),
        hint=error.hint,  # names addresses of the service, which look like paths
        headers={"Retry-After": str(error.retry_after)},
    )


def fail_of(failure: Failure) -> Problem:
    """Why a job has no result."""
    headers = {"Retry-After": "5"} if failure.status == 503 else {}
    return Problem(failure.status, failure.code, failure.message, hint=failure.hint, headers=headers)


def no_job() -> Problem:
    """There is no job of that id, or none any more."""
    return Problem(404, "no-job", "there is no such job.", hint="It may have expired.")


def bug() -> Problem:
    """Something nobody thought of; what it was stands in the log and not here."""
    return Problem(
        500,
        "bug",
        "this is a bug in facefusion.",
        hint="Report it, with the lines of the service's log that have this request's id.",
    )


def answer(problem: Problem, request_id: str) -> Response:
    """The response to a request that is answered with ``problem``."""
    return JSONResponse(problem.document(request_id), problem.status, headers=problem.headers, media_type=MEDIA_TYPE)


def add_handlers(app: FastAPI) -> None:
    """Let every error of a route, and the framework's own, become a problem document."""

    def handle(make: Callable[[Request, Any], Problem]) -> Callable[[Request, Any], Any]:
        async def handler(request: Request, error: Any) -> Response:
            return answer(make(request, error), request.scope["facefusion"].id)

        return handler

    app.add_exception_handler(Problem, handle(lambda _, problem: problem))
    app.add_exception_handler(FaceFusionError, handle(lambda _, error: problem_of(error)))
    app.add_exception_handler(HTTPException, handle(_of_framework))
    app.add_exception_handler(RequestValidationError, handle(_of_parameters))


def _of_framework(request: Request, error: HTTPException) -> Problem:
    status = error.status_code
    code, message, hint = _SENTENCES.get(status, ("refused", f"{http.HTTPStatus(status).phrase.lower()}.", ""))
    headers = dict(error.headers or {})
    if status == 405:
        headers["Allow"] = ", ".join(_allowed(request)).replace("GET", "GET, HEAD")
    return Problem(status, code, message, hint=hint, headers=headers)


def _allowed(request: Request) -> list[str]:
    """Methods of this address; the framework knows only those of the first route that has it."""
    scope = request.scope
    bare = {key: scope[key] for key in ("type", "path", "root_path", "headers", "app") if key in scope}
    documented = request.app.openapi()["paths"].get(scope["path"])
    if documented is not None:  # "/jobs/faceswap" is no job, though it looks like one
        return [method for method in _METHODS if method.lower() in documented]
    return [
        method
        for method in _METHODS
        if any(route.matches({**bare, "method": method})[0].name == "FULL" for route in request.app.router.routes)
    ]


def _of_parameters(_: Request, error: RequestValidationError) -> Problem:
    names = [(str(each["loc"][-1]), f"{each['msg'].lower()}.") for each in error.errors()]
    return Problem(422, "bad-parameter", "a parameter of the request cannot be.", fields=names)
