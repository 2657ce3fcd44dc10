"""Settings of an application process: read once from the environment, checked as a whole."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

MIN_SECRET = 32  # characters; an HS256 key shorter than its hash is weaker than the hash
KINDS = ("cell", "committee")


_RECIPIENT = re.compile(r"age1[02-9ac-hj-np-z]{58}")  # Bech32, as age writes X25519 keys


class ConfigError(Exception):
    """The settings cannot work together; `problems` has one sentence each, with the fix."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that prints as stars; `.value` is the text itself."""

    value: str

    def __repr__(self) -> str:
        return "**********" if self.value else "''"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self.value)


@dataclass(frozen=True, slots=True)
class Config:
    """One installation as its app, recorder and worker see it. Paths are absolute."""

    data_dir: Path
    keys_dir: Path  # outside the database, so that a stolen copy of it opens nothing
    database_url: str
    blob_url: str  # file:///... or s3://bucket/prefix
    host: str
    port: int
    app_url: str  # where the worker reaches the application
    public_url: str  # what people type, without a slash at the end
    demo: bool
    demo_other_url: str  # in demo, the other installation of the pair
    installation_kind: str  # cell, committee
    livekit_url: str  # for browsers: ws:// or wss://
    livekit_internal_url: str  # for RoomService: http:// or https://
    livekit_api_key: str
    livekit_api_secret: Secret
    recorder_service_key: Secret
    recorder_spki_file: Path  # public key that signs checkpoints: SPKI in base64url
    recording_dir: Path
    recording_recipient: str  # age public key to which segments are sealed; empty: not sealed
    recording_identity_file: Path  # the private key, read when an officer plays; may be elsewhere
    tls_cert: str
    tls_key: str
    metrics_token: Secret
    trusted_proxies: str  # addresses whose X-Forwarded-For is believed
    web_dist: Path
    name: str  # of the installation, shown before anybody signs in
    operator: str
    place: str
    helper_name: str
    helper_phone: str
    seat: str  # of a process under a supervisor: never held by two living ones
    instance: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def tls(self) -> bool:
        return self.public_url.startswith("https://")

    @property
    def hostname(self) -> str:
        return urlsplit(self.public_url).hostname or "localhost"

    @classmethod
    def load(cls, env: Mapping[str, str], *, at_work: bool = True) -> Self:
        """Reads CHIBO_* and LIVEKIT_*; raises ConfigError that names every problem at once.

        Not `at_work`, e.g. for a backup: the secrets shared with other processes may be missing.
        """
        read = _Reader(env)
        data = Path(env.get("CHIBO_DATA") or "data").resolve()
        host, port = env.get("CHIBO_HOST") or "127.0.0.1", read.port("CHIBO_PORT", 8000)
        media = f"localhost:{read.port('CHIBO_MEDIA_PORT', 7880)}"
        tls_cert, tls_key = env.get("CHIBO_TLS_CERT", ""), env.get("CHIBO_TLS_KEY", "")
        secure = "s" if tls_cert else ""
        here = "127.0.0.1" if host in ("0.0.0.0", "::") else host
        public = env.get("CHIBO_PUBLIC_URL") or f"http{secure}://localhost:{port}"
        config = cls(
            data_dir=data,
            keys_dir=read.path("CHIBO_KEYS", data / "keys"),
            database_url=read.secret("CHIBO_DATABASE_URL").value or f"sqlite:///{data}/chibo.db",
            blob_url=env.get("CHIBO_BLOB_URL") or (data / "blobs").as_uri(),
            host=host,
            port=port,
            app_url=(env.get("CHIBO_APP_URL") or f"http{secure}://{here}:{port}").rstrip("/"),
            public_url=public.rstrip("/"),
            demo=env.get("CHIBO_DEMO", "") == "1",
            demo_other_url=env.get("CHIBO_DEMO_OTHER_URL", ""),
            installation_kind=env.get("CHIBO_KIND") or "cell",
            livekit_url=env.get("LIVEKIT_URL") or f"ws{secure}://{media}",
            livekit_internal_url=env.get("LIVEKIT_INTERNAL_URL") or f"http{secure}://{media}",
            livekit_api_key=env.get("LIVEKIT_API_KEY", ""),
            livekit_api_secret=read.secret("LIVEKIT_API_SECRET"),
            recorder_service_key=read.secret("CHIBO_SERVICE_KEY"),
            recorder_spki_file=read.path("CHIBO_RECORDER_SPKI_FILE", data / "keys/recorder.spki"),
            recording_dir=read.path("CHIBO_RECORDING_DIR", data / "recordings"),
            recording_recipient=read.recipient("CHIBO_RECORDING_RECIPIENT"),
            recording_identity_file=read.path(
                "CHIBO_RECORDING_IDENTITY_FILE", data / "keys/recording.age"
            ),
            tls_cert=tls_cert,
            tls_key=tls_key,
            metrics_token=read.secret("CHIBO_METRICS_TOKEN"),
            trusted_proxies=env.get("CHIBO_TRUSTED_PROXIES", ""),
            web_dist=read.path("CHIBO_WEB_DIST", Path(__file__).parent.parent / "web" / "dist"),
            seat=env.get("CHIBO_SEAT", ""),
            name=env.get("CHIBO_NAME") or "Sinh hoạt chi bộ trực tuyến",
            operator=env.get("CHIBO_OPERATOR", ""),
            place=env.get("CHIBO_PLACE", ""),
            helper_name=env.get("CHIBO_HELPER_NAME", ""),
            helper_phone=env.get("CHIBO_HELPER_PHONE", ""),
        )
        if problems := read.problems + config.problems(at_work):
            raise ConfigError(problems)
        return config

    def problems(self, at_work: bool) -> list[str]:
        """Every illegal combination, each with what to do."""
        found = []
        if self.installation_kind not in KINDS:
            found.append(f"CHIBO_KIND is {self.installation_kind!r}; set it to cell or committee.")
        if self.installation_kind == "cell" and at_work:
            if not self.livekit_api_key:
                found.append("LIVEKIT_API_KEY is missing; give the media server's key.")
            found += _weak("LIVEKIT_API_SECRET", self.livekit_api_secret)
            found += _weak("CHIBO_SERVICE_KEY", self.recorder_service_key)
        if bool(self.tls_cert) != bool(self.tls_key):
            found.append("CHIBO_TLS_CERT and CHIBO_TLS_KEY go together; give both or neither.")
        for name, value, schemes in (
            ("CHIBO_PUBLIC_URL", self.public_url, ("http", "https")),
            ("LIVEKIT_URL", self.livekit_url, ("ws", "wss")),
            ("LIVEKIT_INTERNAL_URL", self.livekit_internal_url, ("http", "https")),
            ("CHIBO_BLOB_URL", self.blob_url, ("file", "s3")),
        ):
            if urlsplit(value).scheme not in schemes:
                found.append(f"{name} is {value!r}; it must begin with {'://, '.join(schemes)}://.")
        if not self.database_url.startswith(
            ("sqlite:///", "postgresql://", "postgresql+psycopg://")
        ):
            found.append("CHIBO_DATABASE_URL must begin with sqlite:/// or postgresql://.")
        if self.tls and self.livekit_url.startswith("ws://"):
            found.append("LIVEKIT_URL must be wss:// when CHIBO_PUBLIC_URL is https://.")
        local = self.hostname == "localhost" or self.hostname.endswith(".localhost")
        if not self.tls and not local and self.hostname != "127.0.0.1":
            found.append(
                "CHIBO_PUBLIC_URL must be https:// outside this machine: browsers give no camera "
                "without it."
            )
        if self.demo and self.hostname != "localhost" and not self.tls:
            found.append("CHIBO_DEMO=1 needs CHIBO_PUBLIC_URL at localhost.")
        return found


def _weak(name: str, secret: Secret) -> list[str]:
    if len(secret.value) >= MIN_SECRET:
        return []
    return [f"{name} must have at least {MIN_SECRET} characters; set it, or {name}_FILE."]


class _Reader:
    """Typed reads that collect problems instead of stopping at the first."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = env
        self.problems: list[str] = []

    def port(self, name: str, default: int) -> int:
        text = self.env.get(name) or str(default)
        if text.isdecimal() and int(text) < 65536:
            return int(text)
        self.problems.append(f"{name} is {text!r}; it must be a port number.")
        return default

    def recipient(self, name: str) -> str:
        """An age public key, or nothing. A wrong one must stop the start, not the recording."""
        value = self.env.get(name, "").strip()
        if value and not _RECIPIENT.fullmatch(value):
            self.problems.append(f"{name}: not an age public key (age1 and 58 characters).")
        return value

    def path(self, name: str, default: Path) -> Path:
        return Path(self.env.get(name) or default).resolve()

    def secret(self, name: str) -> Secret:
        if file := self.env.get(f"{name}_FILE"):
            try:
                return Secret(Path(file).read_text("utf-8").strip())
            except OSError as error:
                self.problems.append(f"{name}_FILE: cannot read {file} ({error.strerror}).")
        return Secret(self.env.get(name, ""))
