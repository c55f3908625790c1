"""`TrainConfig`: everything that decides the outcome of a training run, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from sparse_rnn import init as inits, masks
from sparse_rnn.errors import InvalidArgument, unknown_name
from sparse_rnn.kernels import KERNELS, NONLINEARITIES


def parse_size(value: object) -> tuple[int, ...]:
    """Read a size: 400, "400", (20, 20) or "20x20".

    Raises:
        InvalidArgument: It is none of these.

    Example:
        >>> parse_size("20x20"), parse_size(400)
        ((20, 20), (400,))
    """
    if isinstance(value, str):
        parts = value.lower().split("x")
        if not all(part.strip().isdecimal() for part in parts):
            raise InvalidArgument("size", value, "a number of units or sides such as 20x20")
        value = tuple(int(part) for part in parts)
    return masks.check_size("size", value)


def _as_tuple(value: object) -> object:
    return tuple(cast("Sequence[object]", value)) if isinstance(value, list) else value


_Suite = Annotated[str | tuple[str, ...], BeforeValidator(_as_tuple)]
_Size = Annotated[tuple[int, ...], BeforeValidator(parse_size)]
_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class TrainConfig(BaseModel):
    """Settings of a training run; frozen, and the same after a trip through JSON.

    Two runs of one configuration on one machine give the same network, bit for bit.

    Raises:
        InvalidArgument: A setting is unknown, missing or out of range; the message names it, its
            value and what is allowed.

    Example:
        >>> config = TrainConfig(arch="locality", size="20x20", radius=2, steps=300)
        >>> config.size, config.lr
        ((20, 20), 0.001)
        >>> TrainConfig.from_json(config.to_json()) == config
        True
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    suite: _Suite = Field("cog-20", description="Suite of tasks, or task names.")
    arch: str = Field(description="Mask family: " + ", ".join(masks.MASKS) + ".")
    size: _Size = Field(description="Number of units, or sides of the sheet such as 20x20.")
    radius: float | None = Field(
        None, description="Longest synapse in lattice units (locality only)."
    )
    steps: Annotated[int, Field(ge=1)] = Field(10_000, description="Gradient steps.")
    batch_size: Annotated[int, Field(ge=1)] = Field(20, description="Sequences a batch.")
    seq_len: Annotated[int, Field(ge=1)] | Literal["auto"] = Field(
        100, description='Time steps a sequence, or "auto" for the suite\'s own.'
    )
    lr: _Positive = Field(1e-3, description="Learning rate of Adam.")
    clip: _Positive | None = Field(
        1.0, description="Largest gradient norm over all existing weights; None for no clipping."
    )
    seed: Annotated[int, Field(ge=0)] = Field(
        0, description="Decides the initial weights and all trials."
    )
    init: str = Field(
        inits.DEFAULT, description="Initial recurrent weights: " + ", ".join(inits.INITS) + "."
    )
    nonlinearity: str = Field("relu", description=", ".join(NONLINEARITIES) + ".")
    backend: str = Field("auto", description="auto, " + ", ".join(KERNELS) + ".")
    eval_every: Annotated[int, Field(ge=1)] = Field(
        100, description="Gradient steps between evaluations on held-out trials."
    )
    eval_batches: Annotated[int, Field(ge=1)] = Field(10, description="Batches an evaluation.")
    final_batches: Annotated[int, Field(ge=1)] = Field(
        50, description="Batches of the evaluation at the end."
    )
    dt: _Positive = Field(100.0, description="Time step in ms.")
    noise: Annotated[float, Field(ge=0, allow_inf_nan=False)] | Literal["yang"] = Field(
        1.0, description='Input noise in sqrt(ms), or "yang".'
    )

    if not TYPE_CHECKING:  # A checker reads the fields; it would lose them to **settings.

        def __init__(self, **settings: Any) -> None:
            try:
                super().__init__(**settings)
            except ValidationError as error:
                raise _refusal(error) from None

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        masks.check_options(self.arch, self.mask_options())
        for argument, table, what in (
            ("init", inits.INITS, "an initialisation"),
            ("nonlinearity", NONLINEARITIES, "a nonlinearity"),
            ("backend", ("auto", *KERNELS), "a backend"),
        ):
            if getattr(self, argument) not in table:
                raise unknown_name(argument, getattr(self, argument), table, what)
        if self.radius is not None and not (math.isfinite(self.radius) and self.radius >= 0):
            raise InvalidArgument("radius", self.radius, "a finite number of at least 0")
        return self

    def mask_options(self) -> dict[str, Any]:
        """The settings that belong to the mask family and were given."""
        return {} if self.radius is None else {"radius": self.radius}

    def build_mask(self) -> masks.Mask:
        """Build the mask."""
        return masks.build(self.arch, self.size, **self.mask_options())

    def to_json(self) -> str:
        """Write the configuration as JSON."""
        return self.model_dump_json(indent=2)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a configuration that `to_json` wrote.

        Raises:
            InvalidArgument: The text is not the JSON of a configuration.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise _refusal(error) from None


def differences(ours: TrainConfig, theirs: TrainConfig) -> dict[str, tuple[object, object]]:
    """Settings in which two configurations differ, each with both values."""
    pairs = {
        name: (getattr(ours, name), getattr(theirs, name)) for name in TrainConfig.model_fields
    }
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _refusal(error: ValidationError) -> InvalidArgument:
    """The first refused setting of a validation, in this package's words."""
    details = error.errors(include_url=False)
    first = details[0]
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, InvalidArgument):
        return cause
    if not first["loc"]:
        return InvalidArgument("configuration", first["input"], f"a JSON object ({first['msg']})")
    argument = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        return unknown_name("setting", argument, TrainConfig.model_fields, "a setting")
    if first["type"] == "missing":
        return InvalidArgument(argument, None, "given")
    # A setting of several types has a refusal for each of them.
    about = [detail["msg"] for detail in details if detail["loc"][:1] == first["loc"][:1]]
    allowed = " or ".join(dict.fromkeys(text.removeprefix("Input should be ") for text in about))
    return InvalidArgument(argument, first["input"], allowed)
