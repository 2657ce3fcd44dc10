"""One request through one row of the route table: who, what, may they, do it, answer."""

import gzip
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.routing import Route as HttpRoute
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from server.http.authorise import authorise, principal_of
from server.http.call import Call, Principal
from server.http.errors import BadInput, Refused, TooLarge, problem_response
from server.http.model import Model
from server.http.origin import check_origin
from server.http.peers import peer_of
from server.http.routing import Route, Who
from server.services import Services
from server.texts import UnknownText, say

PACK_FROM = 1400  # bytes: about one packet; below this gzip saves nothing
LOOPBACK = ("127.0.0.1", "::1")


def build_routes(routes: Iterable[Route], services: Services) -> list[BaseRoute]:
    """Starlette's router for the table."""
    return [
        WebSocketRoute(route.path, SocketEndpoint(route, services))
        if route.method == "WS"
        else HttpRoute(route.path, HttpEndpoint(route, services), methods=[route.method])
        for route in routes
    ]


class HttpEndpoint:
    """Answers one HTTP row."""

    def __init__(self, route: Route, services: Services) -> None:
        self.route = route
        self.services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["chibo.route"] = self.route.path
        request = Request(scope, limited(receive, self.route.max_body))
        try:
            response = await self.answer(request)
        except ClientDisconnect:
            return
        except Exception as error:
            response = problem_response(error)
        await response(scope, receive, send)

    async def answer(self, request: Request) -> Response:
        route, services, now = self.route, self.services, self.services.clock()
        declared = request.headers.get("content-length", "0")
        if declared.isdecimal() and int(declared) > route.max_body:
            raise TooLarge(limit=size_text(route.max_body))
        if route.who is Who.PEER:
            principal = await peer_of(services, request, route.method, await request.body(), now)
        elif route.who is Who.METRICS:
            principal = scraper(services, request)
        else:
            principal = await principal_of(services, request, now)
        if principal.kind == "recorder":
            services.measures.recorder_seen = now
        check_origin(services.config, services.keys, route, request, principal)
        path = {name: str(value) for name, value in request.path_params.items()}
        principal = await authorise(services, route, path, principal, now)
        body = validated(route.body, await request.body()) if route.body else None
        found = await route.handler(Call(services, route, principal, path, body, now, request))
        return found if isinstance(found, Response) else model_response(found, request)


class SocketEndpoint:
    """Opens one socket row; the handler accepts it."""

    def __init__(self, route: Route, services: Services) -> None:
        self.route = route
        self.services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["chibo.route"] = self.route.path
        socket = WebSocket(scope, receive, send)
        route, services, now = self.route, self.services, self.services.clock()
        try:
            principal = await principal_of(services, socket, now)
            check_origin(services.config, services.keys, route, socket, principal)
            path = {name: str(value) for name, value in socket.path_params.items()}
            principal = await authorise(services, route, path, principal, now)
        except Exception as error:
            await socket.receive()  # websocket.connect comes before any answer
            await socket.send_denial_response(problem_response(error))
            return
        await route.handler(Call(services, route, principal, path, None, now, socket), socket)


def limited(receive: Receive, limit: int) -> Receive:
    """A `receive` that stops a body longer than `limit` bytes, whatever its length header said."""
    taken = 0

    async def limited_receive() -> Message:
        nonlocal taken
        message = await receive()
        if message["type"] == "http.request":
            taken += len(message.get("body", b""))
            if taken > limit:
                raise TooLarge(limit=size_text(limit))
        return message

    return limited_receive


def validated(model: type[Model], data: bytes) -> Model:
    """The body as the route's model. Raises BadInput that names each field in question."""
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        if any(problem["type"] == "json_invalid" for problem in problems):
            raise BadInput("bad_json") from None
        raise BadInput("bad_fields", fields="; ".join(map(_field_problem, problems[:5]))) from None


def _field_problem(problem: Any) -> str:
    name = ".".join(str(part) for part in problem["loc"]) or "body"
    try:
        field = say(f"field_name.{problem['loc'][-1] if problem['loc'] else 'body'}")
    except UnknownText:
        field = name
    kinds = {
        "missing": "missing",
        "extra_forbidden": "extra",
        "string_too_long": "too_long",
        "string_too_short": "too_short",
    }
    return say(f"field.{kinds.get(problem['type'], 'wrong')}", field=field)


def model_response(model: Model, request: Request) -> Response:
    data = model.model_dump_json(by_alias=True).encode()
    headers = {"Cache-Control": "no-store"}
    if len(data) > PACK_FROM and "gzip" in request.headers.get("accept-encoding", ""):
        data = gzip.compress(data, 5, mtime=0)
        headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    return Response(data, headers=headers, media_type="application/json")


def scraper(services: Services, request: Request) -> Principal:
    """Prometheus with its token, or anything on this machine that no proxy forwarded."""
    token = services.config.metrics_token
    if token and request.headers.get("authorization") == f"Bearer {token.value}":
        return Principal("metrics")
    host = request.client.host if request.client else ""
    forwarded = "x-forwarded-for" in request.headers
    return Principal("metrics" if host in LOOPBACK and not forwarded and not token else "anonymous")


def size_text(size: int) -> str:
    return f"{size // 1024} KB" if size < 1024 * 1024 else f"{size // 1024 // 1024} MB"


async def http_problem(_request: Request, error: Exception) -> Response:
    """What the router itself refuses: no such address, or not by this method."""
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "bad_json")
    refusal = Refused(code)
    refusal.status = error.status_code
    response = problem_response(refusal)
    response.headers.update(error.headers or {})
    return response


async def unexpected(_request: Request, error: Exception) -> Response:
    return problem_response(error)
