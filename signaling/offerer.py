"""The server's own offers, for the subscribing transport of dual mode. Pure: no I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from signaling.negotiation import (
    DOWN_FEEDBACK,
    LAYERED,
    Bound,
    Local,
    Sent,
    name_section,
    red_of,
    rtx_of,
)
from signaling.sfu import rtp, sdp

OFFERED = {
    "opus": sdp.Codec(111, "opus", 48000, 2, "minptime=10;useinbandfec=1", ("transport-cc",)),
    "vp8": sdp.Codec(96, "vp8", 90000, 1, "", DOWN_FEEDBACK),
    "h264": sdp.Codec(102, "h264", 90000, 1, "", DOWN_FEEDBACK),
    "vp9": sdp.Codec(98, "vp9", 90000, 1, "", DOWN_FEEDBACK),
    "av1": sdp.Codec(45, "av1", 90000, 1, "", DOWN_FEEDBACK),
}
RED = sdp.Codec(63, "red", 48000, 2, "111/111")
OFFERED_EXTENSIONS = {
    "audio": {
        1: rtp.AUDIO_LEVEL,
        2: rtp.ABS_SEND_TIME,
        3: rtp.TRANSPORT_CC,
        5: rtp.ABS_CAPTURE_TIME,
    },
    "video": {
        2: rtp.ABS_SEND_TIME,
        3: rtp.TRANSPORT_CC,
        4: rtp.ORIENTATION,
        5: rtp.ABS_CAPTURE_TIME,
    },
}
DEPENDENCY_ID = 8


@dataclass(slots=True)
class _Slot:
    """One section of our offers; a slot that loses its track is offered inactive once."""

    mid: str
    kind: str
    sent: Sent | None = None
    released: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    text: str
    tracks_by_mid: dict[str, str]


@dataclass(slots=True)
class Offerer:
    """Makes the server's offers on a subscribing transport, one at a time."""

    session: int
    version: int = 0
    outstanding: bool = False
    dirty: bool = True
    _slots: list[_Slot] = field(default_factory=list)
    _waiting: dict[str, Sent] = field(default_factory=dict)

    def add(self, sent: Sent) -> None:
        self._waiting[sent.track_sid] = sent
        self.dirty = True

    def remove(self, track_sid: str) -> None:
        if self._waiting.pop(track_sid, None) is not None:
            return
        for slot in self._slots:
            if slot.sent is not None and slot.sent.track_sid == track_sid:
                slot.sent, slot.released = None, True
                self.dirty = True

    def offer(self, local: Local) -> Offer:
        """The next offer: a data section first, then one section per track."""
        for sent in self._waiting.values():
            slot = next(
                (
                    s
                    for s in self._slots
                    if s.kind == sent.kind and s.sent is None and not s.released
                ),
                None,
            )
            if slot is None:
                slot = _Slot(str(len(self._slots) + 1), sent.kind)
                self._slots.append(slot)
            slot.sent = sent
        self._waiting.clear()
        self.version += 1
        self.outstanding, self.dirty = True, False
        sections = [self._section(sdp.Section("application", "0"), local)]
        sections += [self._media(slot, local) for slot in self._slots]
        description = sdp.Description(
            sections, ice_lite=True, bundle=[section.mid for section in sections]
        )
        return Offer(
            sdp.write(description, self.session, self.version, list(local.candidates)),
            {slot.mid: slot.sent.track_sid for slot in self._slots if slot.sent is not None},
        )

    def _section(self, section: sdp.Section, local: Local) -> sdp.Section:
        section.ufrag, section.password = local.ufrag, local.password
        section.fingerprints = [local.fingerprint]
        section.setup = "actpass"
        return section

    def _media(self, slot: _Slot, local: Local) -> sdp.Section:
        section = self._section(sdp.Section(slot.kind, slot.mid, direction="inactive"), local)
        sent = slot.sent
        name = sent.codec if sent is not None else ("opus" if slot.kind == "audio" else "vp8")
        codec = OFFERED[name]
        if sent is not None:
            section.direction = "sendonly"
            codec = replace(codec, fmtp=codec.fmtp or sent.fmtp)
            name_section(section, sent, bool(sent.rtx_ssrc))
        if sent is not None and sent.red == codec.payload_type:
            section.codecs[RED.payload_type] = RED
        section.codecs[codec.payload_type] = codec
        if sent is not None and sent.rtx_ssrc:
            again = codec.payload_type + 1
            section.codecs[again] = sdp.Codec(
                again, "rtx", codec.clock, 1, f"apt={codec.payload_type}"
            )
        section.extensions = dict(OFFERED_EXTENSIONS[slot.kind])
        if name in LAYERED:
            section.extensions[DEPENDENCY_ID] = rtp.DEPENDENCY
        return section

    def answered(self, answer: sdp.Description) -> tuple[list[Bound], list[str]]:
        """Takes the client's answer. Returns the tracks it takes and those it cannot."""
        self.outstanding = False
        by_mid = {section.mid: section for section in answer.sections}
        bound: list[Bound] = []
        unsupported: list[str] = []
        for slot in self._slots:
            section = by_mid.get(slot.mid)
            if slot.sent is None:
                slot.released = False
                continue
            codec = None
            if section is not None and section.port and section.direction != "inactive":
                codec = next(
                    (c for c in section.codecs.values() if c.name == slot.sent.codec), None
                )
            if section is None or codec is None:
                unsupported.append(slot.sent.track_sid)
                continue
            red = red_of(section, codec.payload_type) if slot.sent.red else None
            rtx = rtx_of(section, codec.payload_type) if slot.sent.rtx_ssrc else None
            bound.append(
                Bound(
                    slot.sent.track_sid,
                    red.payload_type if red is not None else codec.payload_type,
                    {uri: number for number, uri in section.extensions.items()},
                    red is not None,
                    rtx.payload_type if rtx is not None else None,
                )
            )
        return bound, unsupported
