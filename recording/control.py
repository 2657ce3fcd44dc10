"""What the recorder and the application say to each other over HTTP."""

import json
import logging
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from recording.config import RecorderConfig
from recording.job import JobSpec
from recording.signing import Signer
from recording.status import RecorderStatus

log = logging.getLogger(__name__)

LOOPBACK = ("127.0.0.1", "::1", "localhost")
TIMEOUT = 4.0  # shorter than the interval of checkpoints


class Application:
    """Answers None or False when the application does not; the recording goes on meanwhile."""

    def __init__(self, config: RecorderConfig, signer: Signer) -> None:
        self._signer = signer
        # A certificate names the public host; inside this machine there is nobody between us.
        inside = urlsplit(config.app_url).hostname in LOOPBACK
        self._http = httpx.AsyncClient(
            base_url=config.app_url,
            headers={"Authorization": f"Bearer {config.service_key}"},
            timeout=TIMEOUT,
            trust_env=False,
            verify=False if inside else ssl.create_default_context(),
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def jobs(self) -> list[JobSpec] | None:
        """The sessions to be recorded now; None if the application cannot say."""
        try:
            response = await self._http.get("/api/recorder/jobs")
            response.raise_for_status()
            return [_spec(job) for job in response.json()["jobs"]]
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            log.warning("the application gives no jobs: %s", _brief(error))
            return None

    async def checkpoint(self, status: RecorderStatus, nonce: str) -> bool:
        return await self._post("/api/recorder/checkpoints", status.payload(nonce))

    async def finished(self, facts: Mapping[str, Any]) -> bool:
        return await self._post("/api/recorder/finished", facts)

    async def _post(self, path: str, facts: Mapping[str, Any]) -> bool:
        body = json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/json", **self._signer.headers(body)}
        try:
            response = await self._http.post(path, content=body, headers=headers)
            response.raise_for_status()
        except httpx.HTTPError as error:
            log.warning("the application does not take %s: %s", path, _brief(error))
            return False
        return True


def _spec(job: Mapping[str, Any]) -> JobSpec:
    return JobSpec(
        job["session_id"],
        job["room"],
        job["livekit_url"],
        job["token"],
        job.get("started_at"),
        str(job.get("checkpoint_nonce") or ""),
        str(job.get("recipient") or ""),
    )


def _brief(error: Exception) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        return f"HTTP {error.response.status_code}"
    return type(error).__name__
