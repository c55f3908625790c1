"""Typed errors of `sparse_rnn`; each names the argument, the value, what is allowed, the remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar


class SparseRnnError(Exception):
    """Base of every error that `sparse_rnn` raises on purpose."""


class InvalidArgument(SparseRnnError, ValueError):
    """An argument has a value that is not allowed.

    Args:
        argument: Name of the argument as the caller wrote it.
        value: The value that was refused.
        allowed: What is allowed, as a phrase that completes "must be ...".
        remedy: An optional sentence that says what to do instead.

    Attributes:
        argument: Name of the refused argument.
        value: The refused value.
        allowed: The phrase that says what is allowed.
        remedy: The sentence that says what to do instead, or "".
    """

    _got: ClassVar[str] = "got"

    def __init__(self, argument: str, value: object, allowed: str, remedy: str = "") -> None:
        self.argument = argument
        self.value = value
        self.allowed = allowed
        self.remedy = remedy
        message = f"{argument} must be {allowed}; {self._got} {value!r}."
        super().__init__(f"{message} {remedy}" if remedy else message)

    def __reduce__(self) -> tuple[type[InvalidArgument], tuple[str, object, str, str]]:
        """Pickle by the arguments, so that the error crosses process boundaries whole."""
        return type(self), (self.argument, self.value, self.allowed, self.remedy)


class UnknownName(InvalidArgument):
    """A name is not in its table; the message offers the nearest names."""


class UnknownKeyword(UnknownName, TypeError):
    """A keyword argument has a name that is not known.

    A `TypeError` in the words of Python's own calls as well, since callers probe for that: they
    try a keyword and go without it where it is "an unexpected keyword argument".

    Args:
        argument: What the keyword would be, such as "setting"; or the whole message, where nothing
            follows it, as gymnasium makes a `TypeError` anew from a text.
        value: The keyword that was given.
        allowed: What is allowed, as a phrase that completes "must be ...".
        remedy: An optional sentence that says what to do instead.
    """

    _got: ClassVar[str] = "got an unexpected keyword argument"

    def __init__(
        self, argument: str, value: object = None, allowed: str | None = None, remedy: str = ""
    ) -> None:
        super().__init__(argument, value, allowed or "", remedy)
        if allowed is None:
            self.args = (argument,)

    def __reduce__(self) -> tuple[type[Any], tuple[Any, ...]]:
        """Pickle by the arguments, or by the whole message where it came alone."""
        return super().__reduce__() if self.allowed else (type(self), (self.argument,))


class IncompatibleState(SparseRnnError, ValueError):
    """A state dict or weights file does not fit the network; the message says what differs."""


class NotApplicable(SparseRnnError, ValueError):
    """An analysis has no meaning for this network or these trials; the message says why."""


class RunConflict(SparseRnnError):
    """A folder cannot take this run; the message says why and what to do."""


class RunInUse(RunConflict):
    """Another process or thread works on a run; the message names it. This passes."""


class RunDamaged(RunConflict, ValueError):
    """A file of a run folder is damaged, too large, or no regular file; the message names it."""


class TrainingDiverged(SparseRnnError, ArithmeticError):
    """The loss or a gradient became NaN or infinite.

    Args:
        step: Gradient step at which it was seen, from 1.
        loss: The loss at that step.
        grad_norm: Norm of the gradient at that step, before clipping.
        remedy: What to try.

    Attributes:
        step: Gradient step at which it was seen, from 1.
        loss: The loss at that step.
        grad_norm: Norm of the gradient at that step, before clipping.
        remedy: What to try.
    """

    def __init__(self, step: int, loss: float, grad_norm: float, remedy: str) -> None:
        self.step = step
        self.loss = loss
        self.grad_norm = grad_norm
        self.remedy = remedy
        super().__init__(
            f"Training diverged at step {step}: loss {loss:g}, gradient norm {grad_norm:g}. "
            f"{remedy}"
        )

    def __reduce__(self) -> tuple[type[TrainingDiverged], tuple[int, float, float, str]]:
        """Pickle by the arguments, so that the error crosses process boundaries whole."""
        return type(self), (self.step, self.loss, self.grad_norm, self.remedy)


class EnsembleDiverged(SparseRnnError, ArithmeticError):
    """Some networks of an ensemble diverged; the others are finished.

    Args:
        diverged: The error of each network that diverged, by its seed.
        finished: The runs of the others.

    Attributes:
        diverged: The error of each network that diverged, by its seed.
        finished: The runs of the others, in the order of their seeds.
    """

    def __init__(
        self, diverged: Mapping[int, TrainingDiverged], finished: Sequence[Any] = ()
    ) -> None:
        self.diverged = dict(diverged)
        self.finished = tuple(finished)
        listed = " ".join(f"Seed {seed}: {error}" for seed, error in self.diverged.items())
        super().__init__(f"{len(self.finished)} networks are finished. {listed}")

    def __reduce__(
        self,
    ) -> tuple[type[EnsembleDiverged], tuple[dict[int, TrainingDiverged], tuple[Any, ...]]]:
        """Pickle by the arguments, so that the error crosses process boundaries whole."""
        return type(self), (self.diverged, self.finished)


class RunTooLong(SparseRnnError):
    """A run of a sweep took longer than it may; the message says how to go on."""


class NotEnoughMemory(SparseRnnError, MemoryError):
    """A network is too large for the memory that is free; the message has both."""


class WriteFailed(SparseRnnError):
    """A file of a run could not be written, as on a full disk; the message says how to go on."""


class PeerFailed(SparseRnnError):
    """The first process of a run with several failed; it says why itself."""


class PeerGone(PeerFailed):
    """Another process of a run with several has ended, and nobody but its peers can say so."""


class Interrupted(KeyboardInterrupt):
    """A signal ended a run after it had saved itself; the message says how to go on.

    A KeyboardInterrupt, so that nothing which handles errors takes it for one.

    Args:
        message: What is left and how to go on.
        number: The signal, such as ``signal.SIGTERM``.

    Attributes:
        number: The signal.
    """

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.number = number


def unknown_name(argument: str, value: object, known: Iterable[str], what: str) -> UnknownName:
    """Build the error for a name that is not in a table.

    Args:
        argument: Name of the argument.
        value: What the caller gave.
        known: The valid names.
        what: What the names stand for, with its article, such as "a mask family".

    Returns:
        The error, with the nearest valid names in its message; raise it.
    """
    return UnknownName(argument, value, f"the name of {what}", _nearest(value, known))


def unknown_keyword(
    argument: str, keyword: str, known: Iterable[str], what: str, remedy: str = ""
) -> UnknownKeyword:
    """Build the error for a keyword argument that nothing here takes: the one gate for those.

    Args:
        argument: What the keyword would be, such as "setting".
        keyword: The keyword that was given.
        known: The keywords that there are.
        what: What they stand for, with its article, such as "an option of random masks".
        remedy: What to do instead; by default the nearest of `known`.

    Returns:
        The error; raise it.
    """
    allowed = f"the name of {what}"
    return UnknownKeyword(argument, keyword, allowed, remedy or _nearest(keyword, known))


def _nearest(value: object, known: Iterable[str]) -> str:
    """A sentence with the names nearest to a value, or with those that there are."""
    names = list(known)
    lowered = {name.lower(): name for name in names}  # task names have capitals
    near = difflib.get_close_matches(str(value).lower(), list(lowered), n=3, cutoff=0.6)
    if near:
        return "Did you mean " + " or ".join(repr(lowered[name]) for name in near) + "?"
    return "Known names: " + ", ".join(names) + "."
