"""Handlers of the reports routes."""

from typing import Any

from server.http.call import Call


async def read_report(call: Call) -> Any:
    raise NotImplementedError


async def export_session(call: Call) -> Any:
    raise NotImplementedError
