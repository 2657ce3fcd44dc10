"""Handlers of the people routes."""

from typing import Any

from server.http.call import Call


async def list_cells(call: Call) -> Any:
    raise NotImplementedError


async def create_cell(call: Call) -> Any:
    raise NotImplementedError


async def change_cell(call: Call) -> Any:
    raise NotImplementedError


async def list_members(call: Call) -> Any:
    raise NotImplementedError


async def create_member(call: Call) -> Any:
    raise NotImplementedError


async def change_member(call: Call) -> Any:
    raise NotImplementedError


async def change_roles(call: Call) -> Any:
    raise NotImplementedError


async def preview_csv(call: Call) -> Any:
    raise NotImplementedError


async def import_csv(call: Call) -> Any:
    raise NotImplementedError


async def list_authorisations(call: Call) -> Any:
    raise NotImplementedError


async def create_authorisation(call: Call) -> Any:
    raise NotImplementedError


async def show_eligibility(call: Call) -> Any:
    raise NotImplementedError


async def show_rules(call: Call) -> Any:
    raise NotImplementedError


async def show_audit(call: Call) -> Any:
    raise NotImplementedError
