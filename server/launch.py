"""Which processes an installation has, with what settings, and how each is known to be ready."""

import asyncio
import json
import os
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import structlog

from server.blobs import open_blobs
from server.config import Config
from server.http.errors import Unavailable
from server.identity.installation import enter_installation, first_administrator_link
from server.keys import Keyring, ensure_secret, write_secret
from server.store.database import Database
from server.store.schema import upgrade
from server.supervisor import Probe, Program, Supervisor, port_taken, stop_event
from server.texts import say
from signaling.config import default_workers
from voting.signing import PrivateKey, to_base64url

log = structlog.get_logger()
START_SECONDS = 60.0  # a cold start on a slow disk
API_KEY = "chibo"


class CannotStart(Exception):
    """A sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One installation: its settings as environment variables, and whether it runs media."""

    env: Mapping[str, str]
    media: bool

    @property
    def config(self) -> Config:
        return Config.load(self.env)


def with_secrets(env: Mapping[str, str]) -> dict[str, str]:
    """The settings plus the secrets that were not given; they are made at the first start."""
    keys = Path(env.get("CHIBO_KEYS") or Path(env.get("CHIBO_DATA") or "data") / "keys").resolve()
    full = dict(env)
    full.setdefault("CHIBO_KEYS", str(keys))
    Keyring.open(keys)
    if _kind(env) != "cell":
        return full  # holds no sessions: neither media nor recorder
    if not (env.get("CHIBO_SERVICE_KEY") or env.get("CHIBO_SERVICE_KEY_FILE")):
        full["CHIBO_SERVICE_KEY"] = ensure_secret(keys / "service.key")
    if not (env.get("LIVEKIT_API_SECRET") or env.get("LIVEKIT_API_SECRET_FILE")):
        full["LIVEKIT_API_SECRET"] = ensure_secret(keys / "livekit.key")
    full.setdefault("LIVEKIT_API_KEY", API_KEY)
    full.setdefault("CHIBO_RECORDER_KEY_FILE", str(keys / "recorder.pem"))
    full.setdefault("CHIBO_RECORDER_SPKI_FILE", str(keys / "recorder.spki"))
    _recorder_key(Path(full["CHIBO_RECORDER_KEY_FILE"]), Path(full["CHIBO_RECORDER_SPKI_FILE"]))
    return full


def _recorder_key(private: Path, public: Path) -> None:
    if not private.exists():
        write_secret(private, PrivateKey.generate().to_pem())
    spki = to_base64url(PrivateKey.from_pem(private.read_bytes()).public.spki)
    if not public.exists() or public.read_text("ascii").strip() != spki:
        public.write_text(spki, "ascii")


def programs(plan: Plan) -> list[Program]:
    """The processes of one installation."""
    config = plan.config
    kind = config.installation_kind
    local = f"{'https' if config.tls_cert else 'http'}://{reachable(config.host)}:{config.port}"
    env = {
        **plan.env,
        "CHIBO_APP_URL": local,
        "CHIBO_RECORDING_DIR": str(config.recording_dir),
        "LIVEKIT_API_SECRET": config.livekit_api_secret.value,
        "LIVEKIT_INTERNAL_URL": config.livekit_internal_url,
        "CHIBO_MEDIA_TLS_CERT": config.tls_cert,
        "CHIBO_MEDIA_TLS_KEY": config.tls_key,
    }
    found = [Program(f"{kind}/app", ("app",), env, app_ready(local, ("database",)))]
    if plan.media:
        ready = app_ready(local, ("media",))
        port = int(env.get("CHIBO_MEDIA_PORT") or 7880)
        held = (env.get("CHIBO_MEDIA_HOST") or "127.0.0.1", port) if port else None
        found.append(Program(f"{kind}/media", ("media",), env, ready, held))
    if kind == "cell":
        # The recorder's links to the engine are inside this machine or network.
        internal = env | {"LIVEKIT_INTERNAL_URL": _socket_url(config.livekit_internal_url)}
        ready = app_ready(local, ("recorder",))
        found.append(Program(f"{kind}/recorder", ("recorder",), internal, ready))
    found.append(Program(f"{kind}/worker", ("worker",), env, app_ready(local, ("worker",))))
    return found


def reachable(host: str) -> str:
    return "127.0.0.1" if host in ("0.0.0.0", "") else host


def app_ready(url: str, checks: tuple[str, ...]) -> Probe:
    """Ready when the application's /readyz says "ok" to each of the checks."""
    context = ssl.create_default_context() if url.startswith("https") else None
    if context:  # this machine asks itself
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def ask() -> bool:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=3, context=context) as answer:
                body = answer.read()
        except urllib.error.HTTPError as error:
            body = error.read()
        except (OSError, ValueError):
            return False
        try:
            said = json.loads(body)["checks"]
        except (ValueError, KeyError, TypeError):
            return False
        return all(said.get(check) == "ok" for check in checks)

    async def ready() -> bool:
        return await asyncio.to_thread(ask)

    return ready


def prepare(config: Config) -> str | None:
    """Brings the database up to date; the first administrator's link if there is none yet."""
    config.data_dir.mkdir(parents=True, exist_ok=True)
    keys, database, now = Keyring.open(config.keys_dir), Database(config.database_url), _now()
    try:
        upgrade(database)
        database.write_now(enter_installation, config, keys, now)
        if config.demo:
            return None
        return database.write_now(first_administrator_link, config, keys, now)
    finally:
        database.close()


def check_ports(plans: list[Plan]) -> None:
    """Raises CannotStart naming every port that another program holds."""
    taken = []
    for plan in plans:
        config = plan.config
        wanted = [(config.host, config.port, socket.SOCK_STREAM, "CHIBO_PORT")]
        if plan.media:
            host = plan.env.get("CHIBO_MEDIA_HOST") or "127.0.0.1"
            workers = int(plan.env.get("CHIBO_MEDIA_WORKERS") or default_workers())
            for name, default, kind, count in (
                ("CHIBO_MEDIA_PORT", 7880, socket.SOCK_STREAM, 1),
                ("CHIBO_MEDIA_TCP_PORT", 7881, socket.SOCK_STREAM, workers),
                ("CHIBO_MEDIA_UDP_PORT", 7882, socket.SOCK_DGRAM, workers),
            ):
                first = int(plan.env.get(name) or default)
                for port in range(first, first + count) if first else ():
                    wanted.append((host, port, kind, name))
        taken += [
            f"{port} ({name})" for host, port, kind, name in wanted if port_taken(host, port, kind)
        ]
    if taken:
        raise CannotStart(
            f"Cổng đang có chương trình khác dùng: {', '.join(taken)}. Dừng chương trình đó, hoặc "
            "đặt cổng khác bằng biến môi trường ghi trong ngoặc."
        )


async def run_until_told(
    plans: list[Plan], output: BinaryIO | None, after: Callable[[], Awaitable[None]] | None = None
) -> int:
    """Starts everything, says so, and stays until SIGINT or SIGTERM. The exit status."""
    check_ports(plans)
    stop = stop_event()
    supervisor = Supervisor([program for plan in plans for program in programs(plan)], output)
    await supervisor.start()
    try:
        await supervisor.healthy(START_SECONDS)
        if after:
            await after()
        await stop.wait()
    finally:
        await supervisor.stop()
    return 0


def serve() -> tuple[list[Plan], str | None]:
    """The plan of `chibo serve`: one installation, from the environment."""
    env = with_secrets({k: v for k, v in os.environ.items() if _ours(k)})
    plan = Plan(env, media=not os.environ.get("LIVEKIT_URL") and _kind(env) == "cell")
    check_ports([plan])  # before a new link makes that of a running server useless
    asyncio.run(check_storage(plan.config))
    return [plan], prepare(plan.config)


async def check_storage(config: Config) -> None:
    """Raises CannotStart when the blob store refuses us: waiting will not mend wrong keys.

    A store that is away or full is only told of; what needs it says so until it is back.
    """
    try:
        await open_blobs(config.blob_url).check()
    except Unavailable as refusal:
        place = config.blob_url if config.blob_url.startswith("s3:") else str(config.data_dir)
        if refusal.code == "storage_refused":
            raise CannotStart(say("launch.storage_refused", place=place)) from None
        log.warning("storage", problem=refusal.code, place=place)


def _kind(env: Mapping[str, str]) -> str:
    return env.get("CHIBO_KIND") or "cell"


def _ours(name: str) -> bool:
    return name.startswith(("CHIBO_", "LIVEKIT_", "AWS_"))


def _socket_url(url: str) -> str:
    return url.replace("http", "ws", 1)


def _now() -> datetime:
    return datetime.now(UTC)
