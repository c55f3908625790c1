"""`BoardEntry`: one network on the board, as a JSON file that is taken whole or refused by name."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    model_validator,
)

from sparse_rnn.config.protocol import PROTOCOLS, BoardProtocol, board_protocol
from sparse_rnn.errors import IncompatibleState, InvalidArgument, unknown_name
from sparse_rnn.system.arguments import instance
from sparse_rnn.system.files import atomic_writer, read_regular

FORMAT = "mod-cog board entry, 1"
"""What an entry says it is."""


def _whole(value: object) -> object:
    """JSON has one kind of number: 3.0 is the whole number 3."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _as_tuple(value: object) -> object:
    return tuple(cast("list[object]", value)) if isinstance(value, list) else value


def _as_runs(value: object) -> object:
    """Runs out of what JSON has for them; what one refuses is named by its place."""
    given = _as_tuple(value)
    if not isinstance(given, tuple):
        return given
    return tuple(_as_run(*one) for one in enumerate(cast("tuple[object, ...]", given)))


def _as_run(number: int, value: object) -> object:
    if not isinstance(value, dict):
        return value
    try:
        return BoardRun(**cast("dict[str, Any]", value))
    except InvalidArgument as error:
        where = f"runs[{number}].{error.argument}"
        raise type(error)(where, error.value, error.allowed, error.remedy) from None


_MOST = 2**63 - 1
_Count = Annotated[int, Field(ge=0, le=_MOST), BeforeValidator(_whole)]
_Several = Annotated[int, Field(ge=1, le=_MOST), BeforeValidator(_whole)]
_Seconds = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
_Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
# One line of signs that are seen; a page and a terminal show it as it is.
_Name = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[ -~]+$")]
_Text = Annotated[str, Field(max_length=2000)]
_Texts = Annotated[tuple[_Text, ...], BeforeValidator(_as_tuple)]
_STRICT = ConfigDict(frozen=True, extra="forbid", strict=True)


class _Record(BaseModel):
    """A record that names what it refuses."""

    model_config = _STRICT

    if not TYPE_CHECKING:  # A checker reads the fields; it would lose them to **fields.

        def __init__(self, /, **fields: Any) -> None:
            try:
                super().__init__(**fields)
            except ValidationError as error:
                raise _refusal(error, type(self)) from None


class BoardRun(_Record):
    """What one seed of an entry gave, and what it cost."""

    scores: dict[str, _Share] = Field(
        description="Performance (Yang et al. 2019) on held-out trials, by task."
    )
    updates: _Several = Field(description="Gradient steps, earlier runs included.")
    work: _Count = Field(description="Multiply-adds of the training, earlier runs included.")
    seconds: _Seconds = Field(description="Seconds of the training, earlier runs included.")
    weights: _Several = Field(description="Weights at the end, biases left out.")
    density: _Share | None = Field(
        default=None,
        description="Recurrent synapses over units squared, at the end; null where it has no "
        "meaning.",
    )

    @property
    def performance(self) -> float:
        """Mean over the tasks."""
        return statistics.fmean(self.scores.values())


class BoardEntry(_Record):
    """A network on the board: what it is, how it was trained, what it scores and costs; frozen.

    `sparse_rnn.board_entry` makes one of finished runs. The same after a trip through JSON.

    Raises:
        InvalidArgument: A field is unknown, missing or out of range, a task is missing or unknown,
            or the protocol is another one; the message names it and what is allowed.

    Example:
        >>> from sparse_rnn import BoardEntry
        >>> sorted(BoardEntry.json_schema()["required"])
        ['format', 'method', 'name', 'protocol', 'protocol_version', 'runs']
    """

    format: Literal["mod-cog board entry, 1"] = Field(description="What the file is.")
    protocol: str = Field(description="Name of the protocol: " + ", ".join(PROTOCOLS) + ".")
    protocol_version: _Several = Field(description="Version of the protocol.")
    name: _Name = Field(description="Name in the table, of plain ASCII; one an entry.")
    method: _Text = Field(min_length=1, description="What it is, in a sentence.")
    runs: Annotated[tuple[BoardRun | None, ...], BeforeValidator(_as_runs)] = Field(
        max_length=1000,
        description="One a seed, from seed 0 on; null for a seed with which training diverged.",
    )
    n_units: _Several | None = Field(
        default=None, description="Recurrent units; null where it has no meaning."
    )
    settings: dict[str, JsonValue] = Field(
        default={}, description="Settings that the protocol leaves open, by name."
    )
    command: _Text = Field(default="", description="What makes the runs again.")
    commits: _Texts = Field(
        default=(), description="Commits of this package's code that trained them."
    )
    versions: dict[str, str | None] = Field(
        default={}, description="Versions of Python and of packages, by name."
    )
    machines: _Texts = Field(default=(), description="Where they were trained.")
    search_updates: _Count | None = Field(
        default=None,
        description="Gradient steps of the search for its settings, all runs of it together; null "
        "where nobody counted.",
    )

    @model_validator(mode="after")
    def _check_protocol(self) -> Self:
        rules = self.rules  # raises where there is none of the name
        if self.protocol_version != rules.version:
            allowed = f"{rules.version}, the version of {self.protocol!r} that this package has"
            raise InvalidArgument("protocol_version", self.protocol_version, allowed)
        if len(self.finished) < rules.least_seeds:
            allowed = f"of at least {rules.least_seeds} seeds that did not diverge"
            raise InvalidArgument("runs", len(self.finished), allowed)
        tasks = rules.tasks
        for number, run in enumerate(self.runs):
            if run is None:
                continue
            where = f"runs[{number}].scores"
            for task in run.scores:
                if task not in tasks:
                    raise unknown_name(where, task, tasks, f"a task of {self.protocol!r}")
            missing = [task for task in tasks if task not in run.scores]
            if missing:
                allowed = f"scores of all {len(tasks)} tasks of {self.protocol!r}"
                remedy = f"Missing: {', '.join(missing)}."
                raise InvalidArgument(where, f"{len(run.scores)} scores", allowed, remedy)
        return self

    @property
    def rules(self) -> BoardProtocol:
        """The protocol that it keeps."""
        return board_protocol(self.protocol)

    @property
    def finished(self) -> tuple[BoardRun, ...]:
        """The seeds that did not diverge."""
        return tuple(run for run in self.runs if run is not None)

    @property
    def performance(self) -> tuple[float, float, float]:
        """Mean over the finished seeds of the mean over tasks; least and most of them."""
        values = [run.performance for run in self.finished]
        return statistics.fmean(values), min(values), max(values)

    @property
    def density(self) -> float | None:
        """Mean over the finished seeds; None where one has none."""
        known = [run.density for run in self.finished if run.density is not None]
        return statistics.fmean(known) if len(known) == len(self.finished) else None

    def mean(self, cost: Literal["updates", "work", "seconds", "weights"]) -> float:
        """Mean of a cost over the finished seeds.

        Raises:
            UnknownName: There is no such cost.
        """
        if cost not in COSTS:
            raise unknown_name("cost", cost, COSTS, "a cost")
        return statistics.fmean(getattr(run, cost) for run in self.finished)

    def to_json(self) -> str:
        """Write the entry as JSON."""
        return self.model_dump_json(indent=1)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read an entry that `to_json` or another program wrote.

        Raises:
            InvalidArgument: The text is not the JSON of an entry.
        """
        instance("text", text, str)
        try:
            found = json.loads(text, object_pairs_hook=_each_once, parse_constant=_no_number)
        except InvalidArgument:
            raise
        except (ValueError, RecursionError) as error:
            allowed = f"JSON ({error})"
            raise InvalidArgument("text", f"{len(text)} signs", allowed) from error
        if not isinstance(found, dict):
            raise InvalidArgument("text", f"a {type(found).__name__}", "an object of JSON")
        return cls(**cast("dict[str, Any]", found))

    @classmethod
    def read(cls, path: Path | str) -> Self:
        """Read an entry from its file.

        Raises:
            IncompatibleState: The file holds no entry; the message names what is wrong.
            RunDamaged: It is no regular file, or too large.
            FileNotFoundError: There is none.
        """
        try:
            return cls.from_json(read_regular(Path(path)).decode())
        except (InvalidArgument, UnicodeDecodeError) as error:
            raise IncompatibleState(f"{path} holds no entry of the board: {error}") from error

    def write(self, path: Path | str) -> None:
        """Write the entry to a file, atomically."""
        with atomic_writer(Path(path)) as file:
            file.write(self.to_json() + "\n")

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """The JSON Schema (2020-12) of entries; `from_json` takes what it takes."""
        schema = cls.model_json_schema()
        for one in (schema, schema["$defs"]["BoardRun"]):
            one["description"] = one["description"].partition("\n")[0]
        schema["properties"]["protocol"]["enum"] = list(PROTOCOLS)
        schema["allOf"] = [_part(rules) for rules in PROTOCOLS.values()]
        return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


COSTS = ("updates", "work", "seconds", "weights")
"""What an entry says of what it costs."""


def _part(rules: BoardProtocol) -> dict[str, Any]:
    """What a protocol asks for, as a part of the schema."""
    score = {"$ref": "#/$defs/BoardRun/properties/scores/additionalProperties"}
    scores = {
        "properties": dict.fromkeys(rules.tasks, score),
        "required": list(rules.tasks),
        "additionalProperties": False,
    }
    runs = {
        "items": {"properties": {"scores": scores}},
        "contains": {"type": "object"},
        "minContains": rules.least_seeds,
    }
    return {
        "if": {"properties": {"protocol": {"const": rules.name}}},
        "then": {"properties": {"protocol_version": {"const": rules.version}, "runs": runs}},
    }


def _each_once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidArgument(twice, "two values", "given once")
    return found


def _no_number(text: str) -> Any:
    raise InvalidArgument("numbers", text, "finite")


def _refusal(error: ValidationError, kind: type[BaseModel]) -> InvalidArgument:
    """The first refused field of a validation, by the path to it."""
    listed = error.errors(include_url=False)
    # A field that is misspelt is missing, too; its right name is the better answer.
    first = min(listed, key=lambda one: one["type"] != "extra_forbidden")
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, InvalidArgument):
        return cause
    path = first["loc"]
    where = "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in path).lstrip(".")
    if first["type"] == "extra_forbidden":
        return unknown_name(where, path[-1], kind.model_fields, "a field of an entry")
    if first["type"] == "missing":
        return InvalidArgument(where, None, "given")
    allowed = first["msg"].removeprefix("Input should be ")
    return InvalidArgument(where or "entry", first["input"], allowed)
