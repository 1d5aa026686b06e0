"""The page ``/docs``: Swagger UI, every part of it served by ourselves.

The page works without a network. It refers to nothing elsewhere, and tells the browser (Content-Security-Policy) to ask
nobody else. ``scripts/fetch_swagger_ui.py`` says where the files come from.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["ASSETS", "VERSION", "router"]

VERSION = "5.35.0"
"""Of Swagger UI; stands in the addresses of its files, so that a browser may keep them."""
ASSETS = Path(__file__).parent / "assets"

_TYPES = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
    "start.js": "text/javascript",
}
_OURS = "start.js"

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",  # icons in the style sheet; a result that is shown
        "media-src blob:",
        "connect-src 'self'",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
# Addresses are relative: a proxy may serve all this under another path.
_PAGE = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>facefusion</title>
<link rel="icon" type="image/png" href="docs/{VERSION}/favicon-32x32.png">
<link rel="stylesheet" href="docs/{VERSION}/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/{VERSION}/swagger-ui-bundle.js"></script>
<script src="docs/{VERSION}/start.js"></script>
</body>
</html>
"""

router = APIRouter(include_in_schema=False)


@router.get("/docs")
async def page() -> HTMLResponse:
    """The page itself; a browser asks each time whether it has changed."""
    headers = {"Content-Security-Policy": _POLICY, "Referrer-Policy": "no-referrer", "Cache-Control": "no-cache"}
    return HTMLResponse(_PAGE, headers=headers)


def _asset(name: str) -> Callable[[], Coroutine[None, None, FileResponse]]:
    keep = "no-cache" if name == _OURS else "public, max-age=31536000, immutable"

    async def asset() -> FileResponse:
        return FileResponse(ASSETS / name, media_type=_TYPES[name], headers={"Cache-Control": keep})

    return asset


for _name in _TYPES:
    router.add_api_route(f"/docs/{VERSION}/{_name}", _asset(_name), methods=["GET"], response_class=FileResponse)
