"""One participant as the room sees it: identity, rights, tracks, what it takes. Pure state."""

from __future__ import annotations

from dataclasses import dataclass, field

from livekit.protocol.models import ParticipantInfo, ParticipantPermission, TrackInfo, TrackSource
from livekit.protocol.rtc import SubscriptionPermission

from signaling.tokens import Grants

State = ParticipantInfo.State

MOVES: dict[State, frozenset[State]] = {
    State.JOINING: frozenset((State.JOINED, State.DISCONNECTED)),
    State.JOINED: frozenset((State.ACTIVE, State.DISCONNECTED)),
    State.ACTIVE: frozenset((State.DISCONNECTED,)),
    State.DISCONNECTED: frozenset(),
}


@dataclass(slots=True)
class Publication:
    """A track between `add_track` and its end; others see it once it is `live`."""

    info: TrackInfo
    cid: str
    live: bool = False


@dataclass(slots=True)
class Member:
    """A participant. `publications` are keyed by track sid."""

    info: ParticipantInfo
    grants: Grants
    auto_subscribe: bool = True
    publications: dict[str, Publication] = field(default_factory=dict)
    choices: dict[str, bool] = field(default_factory=dict)
    subscribed: set[str] = field(default_factory=set)
    denied: set[str] = field(default_factory=set)
    track_permissions: SubscriptionPermission | None = None

    @property
    def sid(self) -> str:
        return self.info.sid

    @property
    def identity(self) -> str:
        return self.info.identity

    @property
    def permission(self) -> ParticipantPermission:
        return self.info.permission

    @property
    def hidden(self) -> bool:
        return self.permission.hidden

    def move(self, state: State) -> bool:
        """Changes the state if the table allows it; returns whether it changed."""
        if state not in MOVES[self.info.state]:
            return False
        self.info.state = state
        return True

    def may_publish(self, source: TrackSource) -> bool:
        permission = self.permission
        if not permission.can_publish or permission.hidden:
            return False
        sources = permission.can_publish_sources
        return not sources or source in sources

    def lets_see(self, other: Member, track_sid: str) -> bool:
        """Whether this publisher's own track permissions let `other` take the track.

        Recorders are exempt: nobody can hide from the record.
        """
        rules = self.track_permissions
        if rules is None or rules.all_participants or other.permission.recorder:
            return True
        for rule in rules.track_permissions:
            if rule.participant_sid == other.sid or (
                rule.participant_identity and rule.participant_identity == other.identity
            ):
                return rule.all_tracks or track_sid in rule.track_sids
        return False

    def refresh_info(self) -> ParticipantInfo:
        """Brings the public description up to date and gives it a new version."""
        live = [item.info for item in self.publications.values() if item.live]
        del self.info.tracks[:]
        self.info.tracks.extend(live)
        self.info.is_publisher = bool(live)
        self.info.version += 1
        return self.info
