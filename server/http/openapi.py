"""The OpenAPI 3.1 document, computed from the route table and nothing else."""

import re
from collections.abc import Sequence
from typing import Any, Literal

from pydantic.json_schema import models_json_schema

from server.http.model import Model, Problem
from server.http.routing import Route, Who

PARAMETER = re.compile(r"{(\w+)}")
Mode = Literal["validation", "serialization"]

SECURITY: dict[Who, list[dict[str, list[str]]]] = {
    Who.ANYONE: [],
    Who.RECORDER: [{"recorder": []}],
    Who.PEER: [{"peer": []}],
    Who.METRICS: [{"metrics": []}],
}


def document(routes: Sequence[Route], title: str, version: str) -> dict[str, Any]:
    """The whole document. Sockets are listed as GET with `x-websocket`."""
    wanted: set[tuple[type[Model], Mode]] = {(Problem, "serialization")}
    for route in routes:
        if route.body:
            wanted.add((route.body, "validation"))
        if route.answer:
            wanted.add((route.answer, "serialization"))
    ordered = sorted(wanted, key=lambda pair: (pair[0].__module__, pair[0].__name__, pair[1]))
    refs, definitions = models_json_schema(ordered, ref_template="#/components/schemas/{model}")
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        method = "get" if route.method == "WS" else route.method.lower()
        paths.setdefault(route.path, {})[method] = _operation(route, refs)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": paths,
        "components": {
            "schemas": definitions.get("$defs", {}),
            "securitySchemes": {
                "cookie": {"type": "apiKey", "in": "cookie", "name": "chibo"},
                "recorder": {"type": "http", "scheme": "bearer"},
                "metrics": {"type": "http", "scheme": "bearer"},
                "peer": {"type": "apiKey", "in": "header", "name": "X-Signature"},
            },
        },
    }


def _operation(route: Route, refs: dict[Any, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": "OK"}
    if route.answer:
        schema = refs[(route.answer, "serialization")]
        answer["content"] = {"application/json": {"schema": schema}}
    problem = {"application/json": {"schema": refs[(Problem, "serialization")]}}
    name = re.sub(r"\W+", "_", route.path.removeprefix("/api")).strip("_")
    operation: dict[str, Any] = {
        "operationId": f"{route.method.lower()}_{name}",
        "summary": route.summary or (route.handler.__name__.replace("_", " ")),
        "x-who": route.who.value,
        "security": SECURITY.get(route.who, [{"cookie": []}]),
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in PARAMETER.findall(route.path)
        ],
        "responses": {
            "200": answer,
            "default": {"description": "Refused", "content": problem},
        },
    }
    if route.role:
        operation["x-role"] = route.role.value
    if route.method == "WS":
        operation["x-websocket"] = True
    if route.body:
        content = {"application/json": {"schema": refs[(route.body, "validation")]}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation
