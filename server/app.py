"""Composition root: builds the services and the application from one Config."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from server.blobs import open_blobs
from server.config import Config
from server.demo_people import elsewhere
from server.http.dispatch import build_routes, http_problem, unexpected
from server.http.headers import RequestLog, SecurityHeaders
from server.http.web import Bundle
from server.identity.installation import enter_installation
from server.keys import Keyring, new_id
from server.operations.measures import Measures
from server.routes import ROUTES
from server.services import Services
from server.session.service import SessionService
from server.store.database import Database
from server.store.schema import require_current


def utc_now() -> datetime:
    return datetime.now(UTC)


def build_services(
    config: Config, web_bundle: str = "", clock: Callable[[], datetime] = utc_now
) -> Services:
    """What handlers and the worker share. Nothing is started yet."""
    keys = Keyring.open(config.keys_dir)
    database = Database(config.database_url)
    session = SessionService(
        config=config, database=database, keys=keys, clock=clock, new_id=new_id
    )
    return Services(
        config=config,
        database=database,
        keys=keys,
        blobs=open_blobs(config.blob_url),
        clock=clock,
        new_id=new_id,
        session=session,
        measures=Measures(),
        web_bundle=web_bundle,
    )


def create_app(config: Config, clock: Callable[[], datetime] = utc_now) -> Starlette:
    """The whole application. Its lifespan refuses to begin on an old schema or with wrong keys."""
    bundle = Bundle.load(config.web_dist)
    services = build_services(config, bundle.hash, clock)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        try:
            await services.database.read(require_current)
            await services.database.write(enter_installation, config, services.keys, clock())
            await services.session.start()
            yield
            await services.session.stop()
        finally:
            services.database.close()

    async def page(request: Request) -> Response:
        host = request.url.hostname or ""
        if config.demo and (
            there := elsewhere(host, config.installation_kind, config.demo_other_url)
        ):
            return RedirectResponse(there, 307)
        return bundle.respond(request)

    app = Starlette(
        routes=[*build_routes(ROUTES, services), Route("/{path:path}", page)],
        middleware=[
            Middleware(RequestLog, measures=services.measures),
            Middleware(SecurityHeaders, config=config),
        ],
        exception_handlers={HTTPException: http_problem, Exception: unexpected},
        lifespan=lifespan,
    )
    app.state.services = services
    return app
