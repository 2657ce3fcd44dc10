"""What sign-in screens send and get."""

from datetime import datetime
from typing import Literal

from server.http.model import Model

FactorKind = Literal["totp", "card", "recovery"]
Role = Literal["secretary", "deputy", "officer", "administrator"]


class SigningKey(Model):
    """A public key whose signatures a device checks; it keeps the first it is told."""

    key_id: str
    spki: str  # base64url SPKI DER, ECDSA P-256


class Installation(Model):
    """Who runs this server; shown before anybody signs in."""

    id: str
    name: str
    kind: Literal["cell", "committee"]
    operator: str  # "Văn phòng Đảng ủy xã Mường Tha"
    place: str
    helper_name: str
    helper_phone: str
    demo: bool
    web_bundle: str  # SHA-256 of the web bundle served
    seal: SigningKey  # signs heads and acknowledgements
    witness: SigningKey | None  # the upper committee's, which countersigns heads


class DemoPerson(Model):
    """A fictional person of the demo, with what is needed to be them."""

    name: str
    title: str
    url: str
    phone: str
    password: str
    code: str
    code_seconds_left: int


class DemoPeople(Model):
    people: list[DemoPerson]


class PasswordBody(Model):
    phone: str
    password: str


class FactorChoice(Model):
    kind: FactorKind
    label: str
    next_number: int | None = None  # which code of the printed card comes next


class FactorStep(Model):
    """After the password: which second factor; `enrol` when there is none yet."""

    name: str
    factors: list[FactorChoice]
    enrol: bool


class CodeBody(Model):
    kind: FactorKind
    code: str


class RoleHeld(Model):
    role: Role
    cell_id: str | None
    cell_name: str | None


class Me(Model):
    account_id: str
    member_id: str | None
    name: str
    phone: str
    cell_id: str | None
    cell_name: str | None
    roles: list[RoleHeld]
    factor_at: datetime | None
    factor_fresh_until: datetime | None
    stepped_up_until: datetime | None
    csrf: str
    installation: Installation


class TotpSecret(Model):
    secret: str
    uri: str
    qr_svg: str


class RecoveryCodes(Model):
    codes: list[str]


class Card(Model):
    """A printed card of one-time codes; shown once, to be handed over in person."""

    member_name: str
    first_number: int
    codes: list[str]


class SignInListed(Model):
    id: str
    created_at: datetime
    last_seen_at: datetime
    device: str
    current: bool


class SignIns(Model):
    sign_ins: list[SignInListed]


class NewPasswordBody(Model):
    old_password: str
    new_password: str


class OneTimeLinkBody(Model):
    """First administrator, or a person whose reset two people approved."""

    token: str
    new_password: str
    name: str | None = None
    phone: str | None = None


class Invitation(Model):
    """A one-time link by which a new member sets a password; shown once, to be handed over."""

    member_name: str
    link: str
    expires_at: datetime


class Notice(Model):
    """Something done to this account by others, as a sentence."""

    id: str
    text: str
    at: datetime


class Notices(Model):
    notices: list[Notice]


class ResetBody(Model):
    reason: str


class Reset(Model):
    id: str
    account_id: str
    name: str
    reason: str
    requested_at: datetime
    approved_by_secretary: str | None
    approved_by_administrator: str | None
    link: str | None  # once both approved, shown once to the administrator


class Resets(Model):
    resets: list[Reset]
