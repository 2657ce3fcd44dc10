"""The web bundle: read once into memory, served with its hash, compressed ahead of time."""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from server.http.errors import NotFound, problem_response
from server.texts import say

SMALL = 900  # bytes; below this gzip does not pay
PACKED = (".woff2", ".png", ".jpg", ".webp", ".gz")  # already compressed
FOREVER = "public, max-age=31536000, immutable"
TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
}


@dataclass(frozen=True, slots=True)
class Asset:
    body: bytes
    packed: bytes | None  # gzip
    media_type: str
    etag: str
    cache: str


@dataclass(frozen=True, slots=True)
class Bundle:
    """Every file of web/dist by its path; `hash` is over all names and contents."""

    assets: dict[str, Asset]
    hash: str

    @classmethod
    def load(cls, dist: Path) -> Self:
        assets: dict[str, Asset] = {}
        total = hashlib.sha256()
        for path in sorted(dist.rglob("*")) if dist.is_dir() else []:
            if path.is_file() and path.suffix not in (".gz", ".br", ".map"):
                name, body = path.relative_to(dist).as_posix(), path.read_bytes()
                digest = hashlib.sha256(body).hexdigest()
                total.update(f"{name}\0{digest}\n".encode())
                assets[name] = _asset(name, body, digest)
        return cls(assets, total.hexdigest() if assets else "")

    def respond(self, request: Request) -> Response:
        """The file asked for; any other page address gets index.html, which draws it."""
        if request.method not in ("GET", "HEAD"):
            return problem_response(NotFound())
        name = request.url.path.lstrip("/")
        asset = self.assets.get(name)
        if asset is None and (name.startswith("api/") or "." in name.rsplit("/", 1)[-1]):
            return problem_response(NotFound())
        asset = asset or self.assets.get("index.html")
        if asset is None:
            return PlainTextResponse(say("refused.not_built"), 503)
        headers = {"ETag": asset.etag, "Cache-Control": asset.cache, "Vary": "Accept-Encoding"}
        if request.headers.get("if-none-match") == asset.etag:
            return Response(status_code=304, headers=headers)
        if asset.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return Response(asset.packed, headers=headers, media_type=asset.media_type)
        return Response(asset.body, headers=headers, media_type=asset.media_type)


def _asset(name: str, body: bytes, digest: str) -> Asset:
    suffix = Path(name).suffix
    guessed = TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    packed = None
    if len(body) > SMALL and suffix not in PACKED:
        packed = gzip.compress(body, 9, mtime=0)
    hashed = name.startswith("assets/")  # the build puts a hash into these names
    return Asset(body, packed, guessed, f'"{digest[:32]}"', FOREVER if hashed else "no-cache")
