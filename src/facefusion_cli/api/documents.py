"""What the service says of itself in ``/openapi.json``: forms, types, headers, every status."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, Field

from facefusion_cli.api.problems import MEDIA_TYPE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fastapi import FastAPI

    from facefusion_cli.api.settings import ServeSettings
    from facefusion_cli.api.uploads import FileField

__all__ = ["describe", "file_answer", "form_body", "header", "plain_answer", "problems"]

_MEANINGS = {
    400: "The form is malformed.",
    401: "The key is missing or not right.",
    404: "There is no such job, or it has expired.",
    406: "None of the types asked for can be made.",
    408: "The request came too slowly.",
    409: "The job is not finished, or was cancelled.",
    413: "The request, or a picture in it, is too large.",
    415: "A file is of the wrong kind, or the body is no plain multipart form.",
    422: "A field is missing or cannot be, a file cannot be used, or there is no face.",
    500: "A fault of the service.",
    503: "The service cannot take it now: its queue is full, it is not ready, or about to end.",
    504: "The work took too long.",
    507: "The disk is full.",
}


class FieldProblem(BaseModel):
    """What is wrong with one field."""

    field: str
    detail: str


class ProblemDocument(BaseModel):
    """An error, as RFC 9457 has it."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(examples=["Unprocessable Content"])
    status: int = Field(ge=400, le=599, examples=[422])
    detail: str = Field(description="One sentence for people.", examples=["no face was found in the target picture."])
    code: str = Field(description="One short word for programs.", examples=["no-face"])
    hint: str = Field(
        description="What to do about it, or nothing.",
        examples=["Use a picture in which the face is larger, sharper, lighter or less turned away."],
    )
    instance: str = Field(examples=["urn:facefusion:request:5f0c"])
    request_id: str = Field(description="Stands in the service's log.", examples=["5f0c"])
    errors: list[FieldProblem] = Field(default=[], description="Fields of the form and what is wrong with them.")


def header(description: str, *, example: str, required: bool = True) -> dict[str, Any]:
    """A header of an answer."""
    return {"description": description, "required": required, "schema": {"type": "string"}, "example": example}


REQUEST_ID = {"X-Request-ID": header("The request's id, as in the log.", example="5f0c")}
_ENGINE = {"X-FaceFusion-Engine": header("The engine that does the work.", example="mesh", required=False)}
_CODINGS = {
    "Accept-Encoding": header(
        "What the body may be encoded as, where that is wrong.", example="identity", required=False
    )
}
_RETRY = {"Retry-After": header("Seconds to wait before asking again.", example="5", required=False)}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Answers of a route that are errors."""
    return {status: _problem(status) for status in statuses}


def _problem(status: int) -> dict[str, Any]:
    headers = dict(REQUEST_ID)
    if status == 503:
        headers |= _RETRY
    if status == 415:
        headers |= _CODINGS
    if status == 401:
        headers["WWW-Authenticate"] = header("How to send the key.", example="Bearer")
    schema = {"$ref": "#/components/schemas/ProblemDocument"}
    return {"description": _MEANINGS[status], "headers": headers, "content": {MEDIA_TYPE: {"schema": schema}}}


def file_answer(description: str, types: Iterable[str], example: str) -> dict[int | str, dict[str, Any]]:
    """An answer that is a file of one of ``types``; ``example``: its name."""
    headers = {
        **REQUEST_ID,
        "X-FaceFusion-Engine": {**_ENGINE["X-FaceFusion-Engine"], "required": True},
        "X-FaceFusion-Notes": header(
            "What to know of the result: sentences, as a list in JSON.", example='["..."]', required=False
        ),
        "Content-Disposition": header("A fixed name.", example=f'inline; filename="{example}"'),
    }
    content = {name: {"schema": {"type": "string", "format": "binary"}} for name in types}
    return {200: {"description": description, "headers": headers, "content": content}}


def plain_answer(status: int = 200, **more: Any) -> dict[int | str, dict[str, Any]]:
    """An answer with the headers that all have, and what ``more`` says of it."""
    return {status: {**more, "headers": REQUEST_ID | more.get("headers", {})}}


def form_body(files: Sequence[FileField], form: type[BaseModel], settings: ServeSettings) -> dict[str, Any]:
    """The body of a route that takes a form, as a service with those settings takes it."""
    properties: dict[str, Any] = {}
    for each in files:
        file: dict[str, Any] = {"type": "string", "format": "binary"}
        # Without a default the page /docs makes up one, here too.
        several = {"type": "array", "items": file, "maxItems": each.most, "default": []}
        taken = file if each.most == 1 else several
        properties[each.name] = {**taken, "description": each.about}
    for name, schema in form.model_json_schema()["properties"].items():
        properties[name] = _plain(schema)
    if not settings.allow_no_mark:
        properties["mark"]["enum"] = [True]
    schema = {
        "type": "object",
        "properties": properties,
        "required": [each.name for each in files if each.required],
        "additionalProperties": False,
    }
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """A field's schema with an empty text for what a form cannot send: null."""
    plain = copy.deepcopy(schema)
    plain.pop("title", None)
    if "anyOf" in plain:
        plain |= next(each for each in plain.pop("anyOf") if each["type"] != "null")
    if plain.get("default", "") is None:  # without a default the page /docs fills in and sends what it makes up
        plain["default"] = ""
    return plain


def describe(app: FastAPI) -> None:
    """Let ``app.openapi`` give the whole description, made once."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                routes=app.routes,
                tags=app.openapi_tags,
            )
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            schema = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas |= schema.pop("$defs")
            schemas["ProblemDocument"] = schema
            _without_automatic_errors(document)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _without_automatic_errors(document: dict[str, Any]) -> None:
    """Take out the errors that the framework promises for every route with a parameter, in a form of its own."""
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)
    for path in document["paths"].values():
        for operation in path.values():
            answers = operation["responses"]
            if "HTTPValidationError" in str(answers.get("422")):
                del answers["422"]
