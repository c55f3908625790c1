"""`RunOptions`: how a run is carried out, as opposed to what it computes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sparse_rnn.config.refusal import refusal
from sparse_rnn.system import limits

_Steps = Annotated[int, Field(ge=1, le=limits.STEPS)]
_Level = Annotated[float, Field(gt=0, le=1)]


class RunOptions(BaseModel):
    """Settings that may differ between a run and its continuation; frozen.

    They are no part of a run's identity: a folder takes a run with other options, and none of them
    changes a number, with exceptions. `threads`, `device` and `chunk` may change the rounding of
    sums, so that a run is the same bit for bit only with the same of each; with others it goes on
    too. (With recurrent noise, `chunk` changes which noise is drawn.)

    Raises:
        InvalidArgument: An option is unknown or out of range.

    Example:
        >>> from sparse_rnn import RunOptions
        >>> RunOptions(checkpoint_every=50).checkpoint_seconds
        60.0
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    checkpoint_every: _Steps = Field(default=100, description="Gradient steps between checkpoints.")
    checkpoint_seconds: Annotated[float, Field(gt=0)] = Field(
        default=60.0,
        description="A checkpoint is also written when the last one is older than this.",
    )
    levels: tuple[_Level, ...] = Field(
        default=(0.5, 0.6, 0.7, 0.8, 0.9),
        description="Levels of each measure for which the time to reach them is reported.",
    )
    threads: Annotated[int, Field(ge=1, le=limits.THREADS)] | None = Field(
        default=None, description="Threads of torch; None leaves them as OMP_NUM_THREADS says."
    )
    device: str = Field(
        default="auto", description="auto (a GPU where there is one), cpu, cuda or cuda:N."
    )
    chunk: Annotated[int, Field(ge=1, le=limits.SEQ_LEN)] | None = Field(
        default=None,
        description="Time steps whose activations are kept at a time, for long sequences; None "
        "keeps all of them.",
    )
    prefetch: bool = Field(default=True, description="Draw batches ahead in a thread.")
    tensorboard: bool = Field(
        default=True, description="Write TensorBoard events where tensorboard is installed."
    )

    if not TYPE_CHECKING:  # A checker reads the fields; it would lose them to **settings.

        def __init__(self, **settings: Any) -> None:
            try:
                super().__init__(**settings)
            except ValidationError as error:
                raise refusal(error, type(self).model_fields) from None
