"""Cells, members and roles, as their screens send and get them."""

from datetime import date as Day
from datetime import datetime
from typing import Literal

from server.http.model import Model
from server.identity.models import Role
from voting.eligibility import Circumstance

MemberKind = Literal["official", "probationary"]
Temporary = Literal["none", "elsewhere", "here"]


class Cell(Model):
    id: str
    name: str
    committee: str  # "Đảng ủy xã Mường Tha"
    code: str
    official: int
    probationary: int


class Cells(Model):
    cells: list[Cell]


class CellBody(Model):
    name: str
    committee: str
    code: str = ""


class Member(Model):
    id: str
    cell_id: str
    account_id: str | None
    name: str
    phone: str
    kind: MemberKind
    exempt: bool
    suspended: bool
    detained: bool
    temporary: Temporary
    circumstance: Circumstance
    honour: str  # "Huy hiệu 50 năm tuổi Đảng"
    left_at: Day | None
    roles: list[Role]
    has_factor: bool


class Members(Model):
    members: list[Member]


class MemberBody(Model):
    name: str
    phone: str
    kind: MemberKind
    exempt: bool = False
    suspended: bool = False
    detained: bool = False
    temporary: Temporary = "none"
    circumstance: Circumstance = Circumstance.NONE  # 03-HD/TW II.1.1
    honour: str = ""
    left_at: Day | None = None


class RolesBody(Model):
    roles: list[Role]


class CsvBody(Model):
    text: str


class CsvLine(Model):
    line: int
    name: str
    phone: str
    kind: str
    errors: list[str]


class CsvPreview(Model):
    lines: list[CsvLine]
    errors: int
    written: int


class Authorisation(Model):
    """The upper committee's permission to meet online."""

    id: str
    cell_id: str
    issuer: str
    number: str
    date: Day
    valid_until: Day


class Authorisations(Model):
    authorisations: list[Authorisation]


class AuthorisationBody(Model):
    issuer: str
    number: str
    date: Day
    valid_until: Day


class EligibilityRow(Model):
    member_id: str
    name: str
    counted: bool
    cannot_meet: bool
    circumstance: Circumstance
    excluded_why: str | None  # exempt, suspended, temporary_here


class EligibilityView(Model):
    """The sum of 03-HD/TW II.1.1: `cannot_meet * 2 > denominator`."""

    eligible: bool
    members: int
    exempt: int
    suspended: int
    denominator: int
    cannot_meet: int
    needed: int
    sentence: str
    rows: list[EligibilityRow]
    rule_version: str


class AuditLine(Model):
    at: datetime
    who: str
    action: str
    subject: str


class Audit(Model):
    lines: list[AuditLine]


class RuleListed(Model):
    key: str
    value: str  # as in the rule set: more_than_half, 3, true; several joined by commas
    words: str  # the same for a reader
    source: str
    confidence: str
    effective_from: Day
    note: str


class RulesInForce(Model):
    version: str
    rules: list[RuleListed]
