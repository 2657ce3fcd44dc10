"""Handlers of the portal routes."""

from typing import Any

from server.http.call import Call


async def show_board(call: Call) -> Any:
    raise NotImplementedError


async def live(call: Call) -> Any:
    raise NotImplementedError


async def show_dossier(call: Call) -> Any:
    raise NotImplementedError


async def read_document(call: Call) -> Any:
    raise NotImplementedError


async def review(call: Call) -> Any:
    raise NotImplementedError


async def show_verdict(call: Call) -> Any:
    raise NotImplementedError


async def show_recording(call: Call) -> Any:
    raise NotImplementedError


async def read_recording_file(call: Call) -> Any:
    raise NotImplementedError
