"""`Still`: a sparsifier that changes no synapse between the first gradient step and the last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor

from sparse_rnn.nn.rewiring import Needs, Rewiring, View


@dataclass(frozen=True)
class Still:
    """A method that is never due; abstract."""

    GROWS: ClassVar[bool] = False
    CHANGES: ClassVar[bool] = False

    def due(self, step: int, steps: int) -> bool:
        """Never."""
        del step, steps
        return False

    def needs(self, step: int) -> Needs:
        """Nothing."""
        del step
        return Needs()

    def rewire(self, view: View, step: int, rng: np.random.Generator) -> Rewiring | None:
        """Nothing changes on the way."""
        del view, step, rng

    def state(self) -> Mapping[str, Tensor]:
        """Nothing."""
        return {}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Nothing."""
        del state
