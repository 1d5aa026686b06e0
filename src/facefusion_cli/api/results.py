"""Files as answers: read and sent piece by piece, and let go of afterwards in any case."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from starlette.responses import Response

from facefusion_cli.api.body import ClientGone
from facefusion_cli.api.negotiation import media_type
from facefusion_cli.api.problems import no_job

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import BinaryIO

    from starlette.types import Receive, Scope, Send

    from facefusion_cli.api.work.job import Job

__all__ = ["ResultResponse", "client_gone", "notes_header"]

_CHUNK = 262_144
_LONGEST_NOTES = 4000


class ResultResponse(Response):
    """The file that a job made."""

    def __init__(self, job: Job, path: Path, *, done: Callable[[], None]) -> None:
        """``done`` is called once the answer is over, whether it was sent or not."""
        self.status_code = 200
        self.background = None
        self.body = b""
        self._path = path
        self._done = done
        headers = {"Content-Disposition": f'inline; filename="{job.kind}{path.suffix}"'}
        if notes := notes_header(job.notes):
            headers["X-FaceFusion-Notes"] = notes
        self.media_type = media_type(path)
        self.init_headers(headers)
        del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        gone = asyncio.create_task(client_gone(receive))
        file: BinaryIO | None = None
        try:
            try:
                file = await asyncio.to_thread(self._path.open, "rb", 0)
            except FileNotFoundError:  # it was removed, or has expired, at this very moment
                raise no_job() from None
            size = os.fstat(file.fileno()).st_size
            self.headers["Content-Length"] = str(size)
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            more = True
            while more:
                chunk = await asyncio.to_thread(file.read, _CHUNK)
                if gone.done():
                    raise ClientGone
                size -= len(chunk)
                more = bool(chunk) and size > 0 and not scope["facefusion"].head
                await send({"type": "http.response.body", "body": chunk, "more_body": more})
        finally:
            gone.cancel()
            if file is not None:
                file.close()
            self._done()


async def client_gone(receive: Receive) -> None:
    """Return when the client has gone away; what else it sends is let go of."""
    with suppress(asyncio.CancelledError):
        while (await receive())["type"] != "http.disconnect":
            pass


def notes_header(notes: tuple[str, ...]) -> str:
    """Sentences as a list in JSON and in ASCII, for a header holds nothing else; as many as fit."""
    kept = list(notes)
    while kept:
        text = json.dumps(kept)
        if len(text) <= _LONGEST_NOTES:
            return text
        kept.pop()
    return ""
