"""The recorder's settings, read once from the environment and checked as a whole."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from recording.errors import BadConfig


@dataclass(frozen=True, slots=True)
class RecorderConfig:
    """`livekit_url`, if set, is used in place of the address that jobs carry (a server often
    reaches the engine by an internal name)."""

    app_url: str
    service_key: str = field(repr=False)
    key_file: Path
    directory: Path
    livekit_url: str = ""

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "RecorderConfig":
        """CHIBO_APP_URL, CHIBO_SERVICE_KEY or CHIBO_SERVICE_KEY_FILE, CHIBO_RECORDER_KEY_FILE,
        CHIBO_RECORDING_DIR, and optionally LIVEKIT_INTERNAL_URL. Raises BadConfig listing all
        that is wrong."""
        wrong = [
            f"{name} is not set"
            for name in ("CHIBO_APP_URL", "CHIBO_RECORDER_KEY_FILE", "CHIBO_RECORDING_DIR")
            if not environ.get(name)
        ]
        service_key = environ.get("CHIBO_SERVICE_KEY", "")
        key_path = environ.get("CHIBO_SERVICE_KEY_FILE", "")
        if not service_key and key_path:
            try:
                service_key = Path(key_path).read_text().strip()
            except OSError as error:
                wrong.append(f"CHIBO_SERVICE_KEY_FILE cannot be read: {error.strerror}")
        elif not service_key:
            wrong.append("CHIBO_SERVICE_KEY or CHIBO_SERVICE_KEY_FILE is not set")
        app_url = environ.get("CHIBO_APP_URL", "")
        if app_url and not app_url.startswith(("http://", "https://")):
            wrong.append("CHIBO_APP_URL must begin with http:// or https://")
        if wrong:
            raise BadConfig("; ".join(wrong))
        return cls(
            app_url=app_url.rstrip("/"),
            service_key=service_key,
            key_file=Path(environ["CHIBO_RECORDER_KEY_FILE"]),
            directory=Path(environ["CHIBO_RECORDING_DIR"]),
            livekit_url=environ.get("LIVEKIT_INTERNAL_URL", ""),
        )
