"""The two installations of the submission tests."""

from tests.server.submission.conftest import cell_side, committee, pair

__all__ = ["cell_side", "committee", "pair"]
