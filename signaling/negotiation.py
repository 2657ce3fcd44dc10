"""Answers to the client's offers: which section carries which track, with which codec. Pure.

They are for its only transport in single-connection mode, for its publishing one in dual mode.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from signaling.sfu import rtp, sdp

UP_EXTENSIONS = (
    rtp.MID,
    rtp.RID,
    rtp.REPAIRED_RID,
    rtp.AUDIO_LEVEL,
    rtp.TRANSPORT_CC,
    rtp.ORIENTATION,
    rtp.ABS_CAPTURE_TIME,
)
# Stream ids are never sent downwards, but a browser whose sections have lost them in an answer
# leaves them out of its next offers, and can then publish no simulcast.
DOWN_EXTENSIONS = (
    rtp.MID,
    rtp.RID,
    rtp.REPAIRED_RID,
    rtp.AUDIO_LEVEL,
    rtp.TRANSPORT_CC,
    rtp.ABS_SEND_TIME,
    rtp.ORIENTATION,
    rtp.ABS_CAPTURE_TIME,
)
LAYERED = ("vp9", "av1")  # codecs whose receivers need the dependency descriptor
UP_FEEDBACK = ("transport-cc", "nack", "nack pli", "ccm fir")
DOWN_FEEDBACK = ("transport-cc", "goog-remb", "nack", "nack pli", "ccm fir")


@dataclass(frozen=True, slots=True)
class Local:
    """What our side of one transport puts into every section."""

    ufrag: str
    password: str
    fingerprint: tuple[str, str]
    candidates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Published:
    """A track the client may send: what its section must be answered with.

    `track_sid` is empty for a section whose `add_track` has not arrived yet.
    """

    track_sid: str
    codec: str
    dtx: bool = True
    stereo: bool = False
    red: bool = False


@dataclass(frozen=True, slots=True)
class Sent:
    """A track we send: `stream` and `track_sid` become its msid.

    `red` is the payload type of the data inside its redundant packets; 0: it has none.
    `rtx_ssrc` is for retransmissions (RFC 4588) where the client takes them; 0 for none.
    """

    track_sid: str
    kind: str
    codec: str
    fmtp: str
    ssrc: int
    stream: str
    cname: str
    red: int = 0
    rtx_ssrc: int = 0


@dataclass(frozen=True, slots=True)
class Received:
    """A negotiated section in which the client sends; `cid` is its own name for the track."""

    mid: str
    track_sid: str
    cid: str
    kind: str
    codec: sdp.Codec
    rtx: int | None
    ssrcs: tuple[int, ...]
    repairs: dict[int, int]
    rids: tuple[str, ...]
    red: int | None = None


@dataclass(frozen=True, slots=True)
class Bound:
    """A track we send, with the numbers the client gave it; `rtx` None without retransmissions."""

    track_sid: str
    payload_type: int
    extensions: dict[str, int]
    redundant: bool = False
    rtx: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of a client's offer."""

    text: str
    tracks_by_mid: dict[str, str]
    received: tuple[Received, ...]
    bound: tuple[Bound, ...]
    unsupported: tuple[str, ...]
    extensions: dict[str, int]


Resolve = Callable[[str, str, str], Published | None]


def matches(codec: sdp.Codec, name: str, fmtp: str) -> bool:
    """Whether a receiver's payload type can take a stream made with `fmtp`."""
    if codec.name != name:
        return False
    other = sdp.Codec(0, name, 0, 1, fmtp)
    match name:
        case "h264":
            return (codec.parameter("packetization-mode") or "0") == (
                other.parameter("packetization-mode") or "0"
            ) and codec.parameter("profile-level-id")[:4].lower() == other.parameter(
                "profile-level-id"
            )[:4].lower()
        case "vp9":
            return (codec.parameter("profile-id") or "0") == (other.parameter("profile-id") or "0")
        case _:
            return True


def rtx_of(section: sdp.Section, payload_type: int) -> sdp.Codec | None:
    for codec in section.codecs.values():
        if codec.name == "rtx" and codec.parameter("apt") == str(payload_type):
            return codec
    return None


def red_of(section: sdp.Section, payload_type: int) -> sdp.Codec | None:
    """The redundant form (RFC 2198) of a payload type, if the section knows one of nothing else."""
    for codec in section.codecs.values():
        if codec.name == "red" and set(codec.fmtp.split("/")) == {str(payload_type)}:
            return codec
    return None


def _kept_feedback(codec: sdp.Codec, supported: Iterable[str]) -> sdp.Codec:
    return replace(codec, feedback=tuple(item for item in codec.feedback if item in supported))


def _kept_extensions(section: sdp.Section, codec: str, uris: Iterable[str]) -> dict[int, str]:
    wanted = {*uris, rtp.DEPENDENCY} if codec in LAYERED else set(uris)
    return {number: uri for number, uri in section.extensions.items() if uri in wanted}


class Answerer:
    """Answers a client's offers over the life of one transport."""

    def __init__(self, session: int) -> None:
        self._session = session
        self._version = 0
        self._sent: dict[str, Sent] = {}
        self._waiting: dict[str, Sent] = {}
        self._released: set[str] = set()
        self._requested = {"audio": 0, "video": 0}
        self._free = {"audio": 0, "video": 0}
        self._known: set[str] = set()
        self._asked = True  # the client's first offer comes unasked

    def add(self, sent: Sent) -> None:
        self._waiting[sent.track_sid] = sent

    def remove(self, track_sid: str) -> bool:
        """Stops sending a track. Returns whether a new offer is needed to tell the client."""
        if self._waiting.pop(track_sid, None) is not None:
            return False
        for mid, sent in list(self._sent.items()):
            if sent.track_sid == track_sid:
                del self._sent[mid]
                self._released.add(mid)
                return True
        return False

    def requirement(self) -> tuple[int, int] | None:
        """Audio and video sections to ask the client for; None if there is nothing to ask.

        (0, 0) asks for a mere re-offer. Sections on order are counted, else requirements sent
        while an offer is on its way would allocate too many.
        """
        if not self._known:
            return None
        counts = []
        for kind in ("audio", "video"):
            wanted = sum(sent.kind == kind for sent in self._waiting.values())
            missing = max(0, wanted - self._free[kind] - self._requested[kind])
            self._requested[kind] += missing
            counts.append(missing)
        pending = bool(self._waiting or self._released)
        if not any(counts) and (self._asked or not pending):
            return None
        self._asked = True
        return counts[0], counts[1]

    def answer(self, offer: sdp.Description, resolve: Resolve, local: Local) -> Answer:
        """Answers an offer. `resolve(kind, mid, msid track id)` names a sending section's track."""
        self._version += 1
        self._free = {"audio": 0, "video": 0}
        self._asked = False
        sections: list[sdp.Section] = []
        received: list[Received] = []
        bound: list[Bound] = []
        unsupported: list[str] = []
        extensions: dict[str, int] = {}
        for section in offer.sections:
            reply = self._reply(section, local)
            if reply.port and section.kind in ("audio", "video"):
                if section.direction in ("sendonly", "sendrecv"):
                    published = resolve(section.kind, section.mid, section.track)
                    got = _receive(section, reply, published) if published else None
                    if got is not None:
                        received.append(got)
                        extensions |= {uri: n for n, uri in reply.extensions.items()}
                elif section.direction == "recvonly":
                    if section.mid not in self._known:
                        left = self._requested[section.kind] - 1
                        self._requested[section.kind] = max(0, left)
                    self._fill(section, reply, bound, unsupported)
                    self._free[section.kind] += section.mid not in self._sent
                self._released.discard(section.mid)
                if not reply.codecs:
                    first = next(iter(section.codecs.values()))
                    reply.codecs = {first.payload_type: _kept_feedback(first, ())}
                    unused = {*UP_EXTENSIONS, *DOWN_EXTENSIONS}
                    reply.extensions = _kept_extensions(section, first.name, unused)
            elif not reply.port:
                self._lose(section.mid)
            self._known.add(section.mid)
            sections.append(reply)
        description = sdp.Description(
            sections, ice_lite=True, bundle=[s.mid for s in sections if s.port]
        )
        return Answer(
            sdp.write(description, self._session, self._version, list(local.candidates)),
            {mid: sent.track_sid for mid, sent in self._sent.items()},
            tuple(received),
            tuple(bound),
            tuple(unsupported),
            extensions,
        )

    def _lose(self, mid: str) -> None:
        """The client stopped a section: its track needs another."""
        self._released.discard(mid)
        sent = self._sent.pop(mid, None)
        if sent is not None:
            self._waiting[sent.track_sid] = sent

    def _reply(self, section: sdp.Section, local: Local) -> sdp.Section:
        rejected = (section.port == 0 and not section.bundle_only) or (
            section.kind not in ("audio", "video", "application")
            or (section.kind != "application" and not section.codecs)
        )
        return sdp.Section(
            section.kind,
            section.mid,
            port=0 if rejected else 9,
            direction="inactive",
            ufrag=local.ufrag,
            password=local.password,
            fingerprints=[local.fingerprint],
            setup="active" if section.setup == "passive" else "passive",
        )

    def _fill(
        self,
        section: sdp.Section,
        reply: sdp.Section,
        bound: list[Bound],
        unsupported: list[str],
    ) -> None:
        """Puts a track into a section in which the client only receives."""
        mid = section.mid
        sent = self._sent.get(mid)
        if sent is None and mid not in self._released:
            sent = next((s for s in self._waiting.values() if s.kind == section.kind), None)
            if sent is not None:
                del self._waiting[sent.track_sid]
        if sent is None:
            return
        codec = next(
            (c for c in section.codecs.values() if matches(c, sent.codec, sent.fmtp)), None
        )
        if codec is None:
            self._sent.pop(mid, None)
            unsupported.append(sent.track_sid)
            return
        self._sent[mid] = sent
        reply.direction = "sendonly"
        # Redundant packets are passed on as they are, with the publisher's number inside.
        red = red_of(section, codec.payload_type) if sent.red == codec.payload_type else None
        reply.codecs = {red.payload_type: _kept_feedback(red, ())} if red is not None else {}
        reply.codecs[codec.payload_type] = _kept_feedback(codec, DOWN_FEEDBACK)
        reply.extensions = _kept_extensions(section, sent.codec, DOWN_EXTENSIONS)
        rtx = rtx_of(section, codec.payload_type) if sent.rtx_ssrc else None
        if rtx is not None:
            reply.codecs[rtx.payload_type] = _kept_feedback(rtx, ())
        name_section(reply, sent, rtx is not None)
        bound.append(
            Bound(
                sent.track_sid,
                red.payload_type if red is not None else codec.payload_type,
                {uri: number for number, uri in reply.extensions.items()},
                red is not None,
                rtx.payload_type if rtx is not None else None,
            )
        )


def name_section(section: sdp.Section, sent: Sent, with_rtx: bool) -> None:
    section.stream, section.track = sent.stream, sent.track_sid
    section.ssrcs, section.cname = [sent.ssrc], sent.cname
    if with_rtx:
        section.ssrcs.append(sent.rtx_ssrc)
        section.repairs = {sent.rtx_ssrc: sent.ssrc}


def _receive(section: sdp.Section, reply: sdp.Section, published: Published) -> Received | None:
    """Answers a sending section with the one codec its track is to use."""
    fitting = [codec for codec in section.codecs.values() if codec.name == published.codec]
    if published.codec == "h264":
        fitting.sort(key=lambda codec: codec.parameter("packetization-mode") != "1")
    if not fitting:
        return None
    codec = _kept_feedback(fitting[0], UP_FEEDBACK)
    if codec.name == "opus":
        codec = replace(codec, fmtp=_opus(codec.fmtp, published))
    rtx = rtx_of(section, codec.payload_type)
    reply.direction = "recvonly"
    red = red_of(section, codec.payload_type) if published.red else None
    # The first one is what the client sends.
    reply.codecs = {red.payload_type: _kept_feedback(red, ())} if red is not None else {}
    reply.codecs[codec.payload_type] = codec
    if rtx is not None:
        reply.codecs[rtx.payload_type] = _kept_feedback(rtx, ())
    reply.extensions = _kept_extensions(section, codec.name, UP_EXTENSIONS)
    rids = section.rids if section.rid_direction == "send" else []
    if rids:
        reply.rids, reply.rid_direction = rids, "recv"
    return Received(
        section.mid,
        published.track_sid,
        section.track,
        section.kind,
        fitting[0],
        rtx.payload_type if rtx else None,
        () if rids else tuple(section.ssrcs),
        dict(section.repairs),
        tuple(rids),
        red.payload_type if red is not None else None,
    )


def _opus(fmtp: str, published: Published) -> str:
    """Asks the sender for silence suppression and stereo, which only the receiver can ask for."""
    items = [item.strip() for item in fmtp.split(";") if item.strip()]
    names = {item.partition("=")[0] for item in items}
    if published.dtx and "usedtx" not in names:
        items.append("usedtx=1")
    if published.stereo and "stereo" not in names:
        items += ["stereo=1", "sprop-stereo=1"]
    return ";".join(items)
