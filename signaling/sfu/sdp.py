"""SDP (RFC 8866) as WebRTC clients write it: parsed into sections, written from sections."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from signaling.errors import MalformedMessage

MAX_SIZE = 512_000  # bytes; a page with a hundred sections needs about half of it
MAX_SECTIONS = 300
# Registered spellings: comparison is case-insensitive, but not every parser knows it.
SPELLING = {"vp8": "VP8", "vp9": "VP9", "h264": "H264", "av1": "AV1"}
DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")


@dataclass(frozen=True, slots=True)
class Codec:
    """One payload type of a section; `name` is lower case."""

    payload_type: int
    name: str
    clock: int
    channels: int = 1
    fmtp: str = ""
    feedback: tuple[str, ...] = ()

    def parameter(self, key: str) -> str:
        for item in self.fmtp.split(";"):
            name, _, value = item.strip().partition("=")
            if name.lower() == key:
                return value
        return ""


@dataclass(slots=True)
class Section:
    """One m= section; `stream` and `track` come from a=msid."""

    kind: str
    mid: str
    port: int = 9
    direction: str = "sendrecv"
    codecs: dict[int, Codec] = field(default_factory=dict)
    extensions: dict[int, str] = field(default_factory=dict)
    ufrag: str = ""
    password: str = ""
    fingerprints: list[tuple[str, str]] = field(default_factory=list)
    setup: str = ""
    stream: str = ""
    track: str = ""
    ssrcs: list[int] = field(default_factory=list)
    cname: str = ""
    repairs: dict[int, int] = field(default_factory=dict)
    rids: list[str] = field(default_factory=list)
    rid_direction: str = ""
    sctp_port: int = 0
    bundle_only: bool = False


@dataclass(slots=True)
class Description:
    """A whole offer or answer; session-level values are already copied into the sections."""

    sections: list[Section]
    ice_lite: bool = False
    bundle: list[str] = field(default_factory=list)


def parse(text: str) -> Description:
    """Reads an offer or answer. Raises MalformedMessage for anything that makes no sense."""
    if len(text) > MAX_SIZE:
        raise MalformedMessage("SDP is too long")
    session = Section("session", "")
    current = session
    description = Description([])
    try:
        for line in text.splitlines():
            kind, equals, value = line.partition("=")
            if not equals:
                continue
            if kind == "m":
                current = _section(value)
                description.sections.append(current)
                if len(description.sections) > MAX_SECTIONS:
                    raise MalformedMessage("too many media sections")
            elif kind == "a":
                _attribute(description, current, value)
    except (ValueError, IndexError) as error:
        raise MalformedMessage(f"bad SDP line: {error}") from None
    mids = [section.mid for section in description.sections]
    if len(set(mids)) != len(mids) or "" in mids:
        raise MalformedMessage("media sections need distinct mids")
    for section in description.sections:
        section.ufrag = section.ufrag or session.ufrag
        section.password = section.password or session.password
        section.setup = section.setup or session.setup
        section.fingerprints = section.fingerprints or session.fingerprints
    return description


def _section(value: str) -> Section:
    kind, port, _protocol, *formats = value.split()
    section = Section(kind, "", port=int(port.partition("/")[0]))
    if kind in ("audio", "video"):
        for number in formats:
            section.codecs[int(number)] = Codec(int(number), "", 0)
    return section


def _attribute(description: Description, section: Section, value: str) -> None:
    name, _, rest = value.partition(":")
    match name:
        case "mid":
            section.mid = rest.strip()
        case "ice-lite":
            description.ice_lite = True
        case "group" if rest.startswith("BUNDLE"):
            description.bundle = rest.split()[1:]
        case "ice-ufrag":
            section.ufrag = rest.strip()
        case "ice-pwd":
            section.password = rest.strip()
        case "fingerprint":
            algorithm, digest = rest.split()[:2]
            section.fingerprints = [*section.fingerprints, (algorithm.lower(), digest)]
        case "setup":
            section.setup = rest.strip()
        case "sctp-port":
            section.sctp_port = int(rest)
        case "bundle-only":
            section.bundle_only = True
        case "extmap":
            number, uri = rest.split()[:2]
            section.extensions[int(number.partition("/")[0])] = uri
        case "rtpmap" | "fmtp" | "rtcp-fb":
            _codec_line(section, name, rest)
        case "msid":
            words = rest.split()
            section.stream = words[0] if words[0] != "-" else ""
            section.track = words[1] if len(words) > 1 else ""
        case "ssrc":
            _ssrc(section, rest)
        case "ssrc-group":
            words = rest.split()
            if words[0] == "FID" and len(words) == 3:
                section.repairs[int(words[2])] = int(words[1])
        case "rid":
            words = rest.split()
            section.rids.append(words[0])
            section.rid_direction = words[1]
        case _ if value in DIRECTIONS:
            section.direction = value
        case _:
            pass


def _ssrc(section: Section, rest: str) -> None:
    number, _, attribute = rest.partition(" ")
    if int(number) not in section.ssrcs:
        section.ssrcs.append(int(number))
    if attribute.startswith("cname:"):
        section.cname = attribute[6:]


def _codec_line(section: Section, name: str, rest: str) -> None:
    number, _, text = rest.partition(" ")
    if number == "*":
        targets = list(section.codecs.values())
    else:
        known = section.codecs.get(int(number))
        targets = [known] if known else []
    for codec in targets:
        match name:
            case "rtpmap":
                encoding, clock, *channels = text.split("/")
                changed = replace(
                    codec,
                    name=encoding.strip().lower(),
                    clock=int(clock),
                    channels=int(channels[0]) if channels else 1,
                )
            case "fmtp":
                changed = replace(codec, fmtp=text.strip())
            case _:
                changed = replace(codec, feedback=(*codec.feedback, text.strip()))
        section.codecs[codec.payload_type] = changed


def _media_lines(section: Section) -> Iterable[str]:
    for number, uri in section.extensions.items():
        yield f"a=extmap:{number} {uri}"
    for codec in section.codecs.values():
        suffix = f"/{codec.channels}" if codec.channels > 1 else ""
        name = SPELLING.get(codec.name, codec.name)
        yield f"a=rtpmap:{codec.payload_type} {name}/{codec.clock}{suffix}"
        if codec.fmtp:
            yield f"a=fmtp:{codec.payload_type} {codec.fmtp}"
        for item in codec.feedback:
            yield f"a=rtcp-fb:{codec.payload_type} {item}"
    yield "a=rtcp-mux"
    yield "a=rtcp-rsize"
    yield f"a={section.direction}"
    for rid in section.rids:
        yield f"a=rid:{rid} {section.rid_direction}"
    if section.rids:
        yield f"a=simulcast:{section.rid_direction} {';'.join(section.rids)}"
    if section.stream and section.ssrcs:
        yield f"a=msid:{section.stream} {section.track}"
        for repair, repaired in section.repairs.items():
            yield f"a=ssrc-group:FID {repaired} {repair}"
        for ssrc in section.ssrcs:
            yield f"a=ssrc:{ssrc} cname:{section.cname}"
            yield f"a=ssrc:{ssrc} msid:{section.stream} {section.track}"


def write(description: Description, session: int, version: int, candidates: list[str]) -> str:
    """The text of a description; the ICE candidates go into the first section of the bundle."""
    lines = ["v=0", f"o=- {session} {version} IN IP4 0.0.0.0", "s=-", "t=0 0"]
    if description.ice_lite:
        lines.append("a=ice-lite")
    lines.append("a=group:BUNDLE " + " ".join(description.bundle))
    lines.append("a=msid-semantic: WMS *")
    lines.append("a=extmap-allow-mixed")
    for section in description.sections:
        if section.kind == "application":
            lines.append(f"m=application {section.port} UDP/DTLS/SCTP webrtc-datachannel")
        else:
            formats = " ".join(str(number) for number in section.codecs) or "0"
            lines.append(f"m={section.kind} {section.port} UDP/TLS/RTP/SAVPF {formats}")
        lines.append("c=IN IP4 0.0.0.0")
        lines.append(f"a=mid:{section.mid}")
        if section.ufrag:
            lines.append(f"a=ice-ufrag:{section.ufrag}")
            lines.append(f"a=ice-pwd:{section.password}")
        for algorithm, digest in section.fingerprints:
            lines.append(f"a=fingerprint:{algorithm} {digest}")
        if section.setup:
            lines.append(f"a=setup:{section.setup}")
        if section.kind == "application":
            lines.append("a=sctp-port:5000")
            lines.append("a=max-message-size:65536")
        else:
            lines.extend(_media_lines(section))
        if description.bundle and section.mid == description.bundle[0]:
            lines.extend(f"a=candidate:{candidate}" for candidate in candidates)
            lines.append("a=end-of-candidates")
    return "\r\n".join(lines) + "\r\n"
