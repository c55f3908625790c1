"""`TrainConfig`: everything that decides the outcome of a training run, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Self, cast

from pydantic import BeforeValidator, Field, model_validator

from sparse_rnn import masks, seeding
from sparse_rnn.config.continual import CONTINUAL
from sparse_rnn.config.fit import FitConfig
from sparse_rnn.config.mask_options import MaskOptions, settle
from sparse_rnn.config.rates import IN_DEGREE, IN_DEGREE_FOR, IN_DEGREE_UNDER, Rates, RatesSetting
from sparse_rnn.errors import InvalidArgument, unknown_name
from sparse_rnn.kernels import KERNELS, NONLINEARITIES
from sparse_rnn.nn import cells, init as inits
from sparse_rnn.nn.cells import CELLS


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


_Size = Annotated[tuple[int, ...], BeforeValidator(parse_size)]
_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]

_CELL: Mapping[str, Any] = MappingProxyType(
    {"nonlinearity": "relu", "tau": 100.0, "recurrent_noise": 0.0}
)
"""What settings of a cell are where they were left open, for the cells that take them."""

_INIT = "permutation"
"""Start of units that keep what they hold, where it was left open: under masks with all synapses of
units onto themselves the identity, the best one for each network of the map."""

_LR = 2e-3
"""Learning rate under `IN_DEGREE_UNDER` where it was left open: of the rates of the map that
docs/why_local.md draws, the better one for each of its networks (`benchmarks/paper/why_defaults.py`
measures it)."""


class TrainConfig(FitConfig):
    """Settings of a training run; frozen, and the same after a trip through JSON.

    Two runs of one configuration on one machine give the same network, bit for bit.

    Raises:
        InvalidArgument: A setting is unknown, missing or out of range; the message names it, its
            value and what is allowed.

    Example:
        >>> from sparse_rnn import TrainConfig
        >>> config = TrainConfig(arch="locality", size="20x20", radius=2, steps=300)
        >>> config.size, config.lr
        ((20, 20), 0.002)
        >>> config.rates.recurrent, TrainConfig(arch="dense", size=9, optimiser="sgd").rates
        ('in_degree', Rates(input=1.0, recurrent=1.0, readout=1.0))
        >>> TrainConfig.from_json(config.to_json()) == config
        True
        >>> control = TrainConfig(arch="random", size="20x20", mask_options={"in_degree": 13})
        >>> control.build_mask().nnz == config.build_mask().nnz
        True
    """

    arch: str = Field(description="Mask family: " + ", ".join(masks.MASKS) + ".")
    size: _Size = Field(description="Number of units, or sides of the sheet such as 20x20.")
    radius: float | None = Field(
        None, description="Longest local synapse in lattice units (locality, small_world)."
    )
    mask_options: MaskOptions = Field(
        MaskOptions(), description="Other options of the mask family, by name."
    )
    # The defaults of these two are those of a run whose name does not tell them.
    lr: _Positive = Field(
        FitConfig.model_fields["lr"].default,
        description=f"Learning rate; {_LR:g} where it is left open under "
        f"{' and '.join(IN_DEGREE_UNDER)}.",
    )
    rates: RatesSetting = Field(
        Rates(),
        description="Factors of lr by group of weights, or in_degree, the default under "
        f"{' and '.join(IN_DEGREE_UNDER)} ({' and '.join(IN_DEGREE_FOR)} only).",
    )
    init: str = Field(
        inits.DEFAULT,
        description=f"Initial recurrent weights: {', '.join(inits.INITS)}. Left open, {_INIT} for "
        "trained relu units (vanilla and leaky) without Dale's law or a sparsifier, else "
        f"{inits.DEFAULT}.",
    )
    init_gain: _Positive = Field(1.0, description="Factor of the initial recurrent weights.")
    cell: str = Field(cells.DEFAULT, description="What units compute: " + ", ".join(CELLS) + ".")
    nonlinearity: str | None = Field(
        None, description=", ".join(NONLINEARITIES) + "; None is relu (vanilla and leaky only)."
    )
    tau: _Positive | None = Field(
        None, description="Time constant of the units in ms; None is 100 (leaky only)."
    )
    recurrent_noise: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = Field(
        None, description="Standard deviation of the recurrent noise; None is 0 (leaky only)."
    )
    recurrence: str = Field(
        "trained", description="Recurrent weights: " + ", ".join(cells.RECURRENCES) + "."
    )
    inhibitory: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        None, description="Share of inhibitory units under Dale's law (vanilla and leaky only)."
    )
    backend: str = Field("auto", description="auto, " + ", ".join(KERNELS) + ".")

    @model_validator(mode="before")
    @classmethod
    def _settle_mask_options(cls, settings: object) -> object:
        if not isinstance(settings, Mapping):
            return settings
        return settle(cast("Mapping[str, Any]", settings), cls.model_fields)

    @model_validator(mode="after")
    def _fill_in(self) -> Self:
        """Write down what settings are that were left open and follow from others.

        They stay open: a grid, and a call that names another optimiser, settle them anew.
        """
        follows: dict[str, Any] = {}
        if self.optimiser in IN_DEGREE_UNDER:
            follows["lr"] = _LR
            if self.cell in IN_DEGREE_FOR:
                follows["rates"] = Rates(recurrent=IN_DEGREE)
        if self._keeps_what_it_holds():
            follows["init"] = _INIT
        filled = {
            name: value for name, value in follows.items() if name not in self.model_fields_set
        }
        cell = CELLS.get(self.cell)
        for name in () if cell is None else cell.OPTIONS:
            if name in _CELL and getattr(self, name) is None:
                filled[name] = _CELL[name]
        vars(self).update(filled)  # Not by setattr: it is frozen, and would count them as given.
        return self

    def _keeps_what_it_holds(self) -> bool:
        """Whether units hold a state that a weight of 1 onto themselves hands on as it is.

        Frozen weights would do nothing else for ever, inhibitory ones end what they hand on, and
        methods that choose synapses by their weights would see zeros.
        """
        return (
            self.cell in IN_DEGREE_FOR
            and self.nonlinearity in (None, _CELL["nonlinearity"])
            and self.recurrence == "trained"
            and self.inhibitory is None
            and self.sparsifier is None
        )

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        masks.check_options(self.arch, self.given_mask_options())
        for argument, table, what in (
            ("init", inits.INITS, "an initialisation"),
            ("cell", CELLS, "a cell"),
            ("nonlinearity", (None, *NONLINEARITIES), "a nonlinearity"),
            ("recurrence", cells.RECURRENCES, "a kind of recurrence"),
            ("backend", ("auto", *KERNELS), "a backend"),
        ):
            if getattr(self, argument) not in table:
                known = [name for name in table if name is not None]
                raise unknown_name(argument, getattr(self, argument), known, what)
        cells.check_options(self.cell, self.cell_options())
        served = None if self.continual is None else CONTINUAL[self.continual].CELLS
        if served is not None and self.cell not in served:
            allowed = f"one of {', '.join(served)} with continual {self.continual!r}"
            raise InvalidArgument("cell", self.cell, allowed)
        if self.tau is not None and self.tau < self.dt:
            raise InvalidArgument("tau", self.tau, f"at least dt, {self.dt:g} ms")
        if self.radius is not None and not (math.isfinite(self.radius) and self.radius >= 0):
            raise InvalidArgument("radius", self.radius, "a finite number of at least 0")
        seed = self.mask_options.get("seed", 0)
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            raise InvalidArgument("mask.seed", seed, "a whole number of at least 0")
        return self

    def cell_options(self) -> dict[str, Any]:
        """The settings that belong to the cell alone and were given."""
        names = ("nonlinearity", "tau", "recurrent_noise", "inhibitory")
        given = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        return {**given, "dt": self.dt} if "dt" in CELLS[self.cell].OPTIONS else given

    def network_options(self) -> dict[str, Any]:
        """The options of a `sparse_rnn.Network` besides sizes, mask and seed."""
        names = ("backend", "cell", "init", "init_gain", "recurrence")
        return {**{name: getattr(self, name) for name in names}, **self.cell_options()}

    def given_mask_options(self) -> dict[str, Any]:
        """The options of the mask family that were given."""
        radius = {} if self.radius is None else {"radius": self.radius}
        return {**radius, **self.mask_options}

    def build_mask(self) -> masks.Mask:
        """Build the mask.

        A random mask is drawn from a stream of its own of the run's `seed`, so that runs with
        other seeds have other masks; ``mask_options={"seed": 0}`` gives all of them the same one.

        Raises:
            InvalidArgument: An option has a value that the mask family does not allow.
        """
        return masks.build(self.arch, self.size, **self._seeded_mask_options())

    def check_mask(self, *, up_to: int = 0) -> int:
        """Check what only the mask family knows of its options, as `masks.check` does.

        Args:
            up_to: Synapses of the largest mask that is built for it.

        Returns:
            Number of synapses, or about that.

        Raises:
            InvalidArgument: As for `build_mask`.
        """
        return masks.check(self.arch, self.size, self._seeded_mask_options(), up_to=up_to)

    def _seeded_mask_options(self) -> dict[str, Any]:
        options = self.given_mask_options()
        if "seed" in masks.options(self.arch):
            options.setdefault("seed", seeding.derive(self.seed, seeding.Purpose.MASK_OF_RUN))
        return options
