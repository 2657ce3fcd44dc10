"""What can go wrong in `voting`.

VotingError
├── RuleMissing        the rule set in force has no such rule, or it has another type
├── RuleNotAdjustable  somebody tried to set a rule that only the Party's documents set
├── MalformedStatement a statement that cannot be canonical, or lacks or adds fields
├── KeyUnusable        not a P-256 key, or not in a form we read
└── AmbiguousBallots   two different ballots of one member claim the same place

Refusing a ballot is not an error: see `voting.ballot.Refused`.
"""


class VotingError(Exception):
    """Base of all errors here. `code` is stable and may be sent to a client."""

    code = "voting_error"


class RuleMissing(VotingError):
    code = "rule_missing"


class RuleNotAdjustable(VotingError):
    code = "rule_not_adjustable"


class MalformedStatement(VotingError):
    code = "malformed_statement"


class KeyUnusable(VotingError):
    code = "key_unusable"


class AmbiguousBallots(VotingError):
    code = "ambiguous_ballots"
