"""Refuses requests that another site made a browser send with our cookie."""

import hmac
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from server.config import Config
from server.http.call import Principal
from server.http.errors import Forbidden
from server.http.routing import Route, Who
from server.keys import Keyring

SAFE = ("GET", "HEAD", "OPTIONS")
WITHOUT_COOKIE = (Who.RECORDER, Who.WORKER, Who.PEER, Who.METRICS)
BEFORE_SIGN_IN = (Who.ANYONE, Who.PASSWORD_GIVEN)  # there is no Me yet to take the token from


def csrf_token(keys: Keyring, sign_in_id: str) -> str:
    return keys.mac("csrf", sign_in_id.encode())


def check_origin(
    config: Config, keys: Keyring, route: Route, request: HTTPConnection, principal: Principal
) -> None:
    """For every changing request and every socket: our own origin, and our own token."""
    if route.method in SAFE or route.who in WITHOUT_COOKIE or route.path.startswith("/api/peer/"):
        return
    if not same_origin(config, request, required=True):
        raise Forbidden("wrong_origin")
    if route.method == "WS" or route.who in BEFORE_SIGN_IN or principal.sign_in_id is None:
        return
    given = request.headers.get("x-csrf", "")
    if not hmac.compare_digest(given.encode(), csrf_token(keys, principal.sign_in_id).encode()):
        raise Forbidden("wrong_csrf")


def same_origin(config: Config, request: HTTPConnection, required: bool) -> bool:
    """Browsers send Origin, or Sec-Fetch-Site, with every changing request; others must too."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site not in (None, "same-origin", "none"):
        return False
    if origin is None:
        return site is not None or not required
    if origin == config.public_url:
        return True
    # At this machine's own names the page may be at any of them, each person of the demo at one.
    parts = urlsplit(origin)
    host = parts.hostname or ""
    local = host in ("localhost", "127.0.0.1") or (config.demo and host.endswith(".localhost"))
    here = config.hostname in ("localhost", "127.0.0.1")
    return local and here and parts.netloc == request.headers.get("host")
