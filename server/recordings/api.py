"""Handlers of the recordings routes."""

from typing import Any

from server.http.call import Call


async def list_jobs(call: Call) -> Any:
    raise NotImplementedError


async def take_checkpoint(call: Call) -> Any:
    raise NotImplementedError


async def finish(call: Call) -> Any:
    raise NotImplementedError


async def show_recording(call: Call) -> Any:
    raise NotImplementedError


async def read_file(call: Call) -> Any:
    raise NotImplementedError


async def show_verdict(call: Call) -> Any:
    raise NotImplementedError
