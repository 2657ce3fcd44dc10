"""Why something is not lawful now: a code, and its three sentences from texts/session.toml."""

from server.texts import catalogue, say

Param = str | int


class Refused(Exception):
    """Raised by the law. Nothing was changed. `code` names a table `[session.refused.<code>]`."""

    def __init__(self, code: str, **params: Param) -> None:
        super().__init__(code)
        self.code = code
        self.params = params

    @property
    def reason(self) -> str:
        """What is not possible and why, one full sentence."""
        return say(f"session.refused.{self.code}.reason", **self.params)

    @property
    def arithmetic(self) -> str:
        """The sum behind it: "Có 12, cần 14." Empty when there is none."""
        return self._optional("arithmetic")

    @property
    def remedy(self) -> str:
        """What unblocks it. Empty when nothing does."""
        return self._optional("remedy")

    def _optional(self, part: str) -> str:
        code = f"session.refused.{self.code}.{part}"
        return say(code, **self.params) if code in catalogue() else ""
