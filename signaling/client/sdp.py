"""Reading the server's SDP and writing this client's offers and answers (RFC 8829, 8843)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
ANSWERED = {"video": "vp8", "audio": "opus"}  # what the client can hand over


@dataclass(frozen=True, slots=True)
class Candidate:
    host: str
    port: int
    priority: int
    protocol: str


@dataclass(slots=True)
class Section:
    """One m= section; `codecs` maps payload type to the lower-case codec name."""

    kind: str
    port: int
    protocol: str
    formats: list[str]
    mid: str = ""
    direction: str = "sendrecv"
    codecs: dict[int, str] = field(default_factory=dict)
    rates: dict[int, str] = field(default_factory=dict)
    parameters: dict[int, str] = field(default_factory=dict)
    extensions: dict[str, int] = field(default_factory=dict)
    ssrcs: list[int] = field(default_factory=list)
    repair_ssrcs: set[int] = field(default_factory=set)
    track_id: str = ""
    candidates: list[Candidate] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)

    def payload_type(self) -> int | None:
        """The first payload type whose codec the client hands over."""
        wanted = ANSWERED.get(self.kind)
        return next((pt for pt, codec in self.codecs.items() if codec == wanted), None)

    def media_ssrc(self) -> int | None:
        return next((s for s in self.ssrcs if s not in self.repair_ssrcs), None)


@dataclass(slots=True)
class Description:
    sections: list[Section]
    attributes: dict[str, str]

    def attribute(self, name: str) -> str:
        """From the first section that has it, else from the session level."""
        for section in self.sections:
            if name in section.attributes:
                return section.attributes[name]
        return self.attributes.get(name, "")

    @property
    def is_lite(self) -> bool:
        return "ice-lite" in self.attributes


def parse(text: str) -> Description:
    """Raises ValueError on a line that breaks the grammar this client relies on."""
    session: dict[str, str] = {}
    sections: list[Section] = []
    for line in text.splitlines():
        if line.startswith("m="):
            kind, port, protocol, *formats = line[2:].split()
            sections.append(Section(kind, int(port), protocol, formats))
        elif line.startswith("a="):
            name, _, value = line[2:].partition(":")
            if sections:
                _attribute(sections[-1], name, value)
            else:
                session[name] = value
    return Description(sections, session)


def _attribute(section: Section, name: str, value: str) -> None:
    match name:
        case "mid":
            section.mid = value
        case "sendrecv" | "sendonly" | "recvonly" | "inactive":
            section.direction = name
        case "rtpmap":
            number, _, codec = value.partition(" ")
            title, _, rate = codec.partition("/")
            section.codecs[int(number)] = title.lower()
            section.rates[int(number)] = rate
        case "fmtp":
            number, _, rest = value.partition(" ")
            if number.isdigit():
                section.parameters[int(number)] = rest
        case "extmap":
            number, _, rest = value.partition(" ")
            section.extensions[rest.split(" ")[0]] = int(number.partition("/")[0])
        case "ssrc":
            ssrc = int(value.split(" ", 1)[0])
            if ssrc not in section.ssrcs:
                section.ssrcs.append(ssrc)
        case "ssrc-group":
            semantics, *members = value.split()
            if semantics == "FID":
                section.repair_ssrcs.update(int(m) for m in members[1:])
        case "msid":
            section.track_id = value.split()[-1]
        case "candidate":
            candidate = parse_candidate(value)
            if candidate:
                section.candidates.append(candidate)
        case _:
            section.attributes[name] = value


def parse_candidate(value: str) -> Candidate | None:
    """A candidate attribute without its name; None for a hostname or a malformed one."""
    parts = value.removeprefix("candidate:").split()
    if len(parts) < 6 or not parts[3].isdigit() or not parts[5].isdigit():
        return None
    if parts[4].endswith(".local"):
        return None
    return Candidate(parts[4], int(parts[5]), int(parts[3]), parts[2].lower())


@dataclass(frozen=True, slots=True)
class LocalTransport:
    """What of this client's transport every section repeats."""

    ufrag: str
    password: str
    fingerprint: str  # "sha-256 AA:BB..."
    host: str
    port: int

    def lines(self, setup: str) -> list[str]:
        return [
            f"a=ice-ufrag:{self.ufrag}",
            f"a=ice-pwd:{self.password}",
            f"a=fingerprint:{self.fingerprint}",
            f"a=setup:{setup}",
            f"a=candidate:1 1 udp 2130706431 {self.host} {self.port} typ host",
            "a=end-of-candidates",
        ]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A track this client sends, as its offer describes it."""

    mid: str
    kind: str
    cid: str
    ssrc: int


def _head(version: int, mids: Iterable[str]) -> list[str]:
    return [
        "v=0",
        f"o=- 4611731400430051336 {version} IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE " + " ".join(mids),
        "a=msid-semantic: WMS *",
    ]


def answer(offer: Description, transport: LocalTransport, version: int) -> str:
    """Accepts every section that carries what the client can hand over, in the offer's order.

    Refused media stay in BUNDLE as inactive with one codec, because LiveKit reuses them."""
    lines = _head(version, (s.mid for s in offer.sections))
    for section in offer.sections:
        if section.kind == "application":
            lines += [f"m=application 9 {section.protocol} webrtc-datachannel"]
            lines += ["c=IN IP4 0.0.0.0", f"a=mid:{section.mid}", *transport.lines("active")]
            lines += [f"a=sctp-port:{section.attributes.get('sctp-port', '5000')}"]
            continue
        wanted = section.payload_type()
        number = wanted if wanted is not None else next(iter(section.codecs), 0)
        receives = wanted is not None and section.direction in ("sendrecv", "sendonly")
        lines += [f"m={section.kind} 9 {section.protocol} {number}", "c=IN IP4 0.0.0.0"]
        lines += [f"a=mid:{section.mid}", *transport.lines("active")]
        lines += ["a=rtcp-mux", "a=rtcp-rsize", "a=recvonly" if receives else "a=inactive"]
        lines += _codec_lines(section, number)
        if AUDIO_LEVEL in section.extensions:
            lines += [f"a=extmap:{section.extensions[AUDIO_LEVEL]} {AUDIO_LEVEL}"]
    return "\r\n".join(lines) + "\r\n"


def _codec_lines(section: Section, number: int) -> list[str]:
    codec = section.codecs.get(number)
    if codec is None:
        return []
    name = "VP8" if codec == "vp8" else codec
    lines = [f"a=rtpmap:{number} {name}/{section.rates[number]}"]
    if number in section.parameters:
        lines.append(f"a=fmtp:{number} {section.parameters[number]}")
    lines.append(f"a=rtcp-fb:{number} nack")
    if section.kind == "video":
        lines.append(f"a=rtcp-fb:{number} nack pli")
    return lines


CODECS: Mapping[str, tuple[int, list[str]]] = {
    "audio": (111, ["a=rtpmap:111 opus/48000/2", "a=fmtp:111 minptime=10;useinbandfec=1"]),
    "video": (96, ["a=rtpmap:96 VP8/90000", "a=rtcp-fb:96 nack pli", "a=rtcp-fb:96 ccm fir"]),
}
LEVEL_ID = 1


def offer(tracks: Iterable[Outgoing], transport: LocalTransport, version: int) -> str:
    """One sendonly section for each outgoing track; its msid carries the cid of add_track."""
    tracks = list(tracks)
    lines = _head(version, (t.mid for t in tracks))
    for track in tracks:
        number, codec = CODECS[track.kind]
        lines += [f"m={track.kind} 9 UDP/TLS/RTP/SAVPF {number}", "c=IN IP4 0.0.0.0"]
        lines += [f"a=mid:{track.mid}", *transport.lines("actpass")]
        lines += ["a=rtcp-mux", "a=rtcp-rsize", "a=sendonly", *codec, f"a=rtcp-fb:{number} nack"]
        if track.kind == "audio":
            lines += [f"a=extmap:{LEVEL_ID} {AUDIO_LEVEL}"]
        lines += [f"a=msid:{track.cid} {track.cid}", f"a=ssrc:{track.ssrc} cname:{track.cid}"]
        lines += [f"a=ssrc:{track.ssrc} msid:{track.cid} {track.cid}"]
    return "\r\n".join(lines) + "\r\n"
