"""Handlers of the operations routes."""

from typing import Any

from server.http.call import Call


async def healthz(call: Call) -> Any:
    raise NotImplementedError


async def readyz(call: Call) -> Any:
    raise NotImplementedError


async def metrics(call: Call) -> Any:
    raise NotImplementedError


async def openapi(call: Call) -> Any:
    raise NotImplementedError
