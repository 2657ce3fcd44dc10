"""The base of every request and response model."""

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """Immutable, and an unknown field in a request is an error, not ignored."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, populate_by_name=True
    )


class Done(Model):
    """The answer of an act that has nothing to return."""

    done: bool = True


class Problem(Model):
    """Every refusal and error: a stable code, and a sentence for the reader."""

    code: str
    message: str
    params: dict[str, str | int | None] = {}
