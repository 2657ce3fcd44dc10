"""Handlers of the convening routes."""

from typing import Any

from server.http.call import Call


async def list_sessions(call: Call) -> Any:
    raise NotImplementedError


async def create_session(call: Call) -> Any:
    raise NotImplementedError


async def show_session(call: Call) -> Any:
    raise NotImplementedError


async def change_session(call: Call) -> Any:
    raise NotImplementedError


async def upload_document(call: Call) -> Any:
    raise NotImplementedError


async def delete_document(call: Call) -> Any:
    raise NotImplementedError


async def show_page(call: Call) -> Any:
    raise NotImplementedError


async def download_document(call: Call) -> Any:
    raise NotImplementedError


async def mark_read(call: Call) -> Any:
    raise NotImplementedError


async def convene(call: Call) -> Any:
    raise NotImplementedError


async def reply(call: Call) -> Any:
    raise NotImplementedError
