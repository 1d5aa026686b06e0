"""Who may ask: the key of the service, where it has one."""

import hmac
from typing import Annotated, Any

from fastapi import Depends, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from facefusion_cli.api.problems import Problem

__all__ = ["key_required"]

_BEARER = HTTPBearer(auto_error=False, description="The key of the service.")
_HEADER = APIKeyHeader(name="X-API-Key", auto_error=False, description="The key of the service, in another header.")


def key_required(key: str | None) -> list[Any]:
    """Dependencies of routes that want the key; none without a key."""
    if key is None:
        return []
    wanted = key.encode()

    async def check(
        bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
        header: Annotated[str | None, Security(_HEADER)],
    ) -> None:
        given = bearer.credentials if bearer is not None else header
        # Headers come as Latin-1, whatever their bytes mean.
        if given is None or not hmac.compare_digest(given.encode("latin-1", "replace"), wanted):
            raise Problem(
                401,
                "unauthorized",
                "the key is missing." if given is None else "the key is not right.",
                hint="Send it as 'Authorization: Bearer KEY' or as 'X-API-Key: KEY'.",
                headers={"WWW-Authenticate": "Bearer"},
            )

    return [Depends(check)]
