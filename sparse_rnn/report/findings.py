"""What an experiment found: claim, measured values, verdict and where they came from, as JSON.

A finding lies in a folder as ``ID.json`` beside its figures, each as SVG and PDF. `read_all` reads
them back; `sparse_rnn.report.page` and `sparse_rnn.report.summary` show them.
"""

from __future__ import annotations

import datetime
import platform
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast, get_args

from pydantic import ConfigDict, TypeAdapter, ValidationError

from sparse_rnn.errors import IncompatibleState, InvalidArgument, RunDamaged
from sparse_rnn.report._drawn import FORMS, drawn
from sparse_rnn.report._inline_svg import inline
from sparse_rnn.report._quantities import (
    Curve as Curve,
    Interval as Interval,
    Measurement as Measurement,
    check_fields,
    mean_interval as mean_interval,
)
from sparse_rnn.system.files import atomic_path, atomic_writer, check_kind, read_regular
from sparse_rnn.system.provenance import MODIFIED as MODIFIED, git_state, provenance

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Scale = Literal["smoke", "laptop", "paper"]
Verdict = Literal["reproduced", "not reproduced", "inconclusive", "not run"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

NONE: Mapping[str, str] = MappingProxyType({})
"""Nothing that cannot be shown."""

_ID = re.compile(r"[a-z0-9][a-z0-9_-]*")
_STRICT = ConfigDict(extra="forbid", strict=True)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one experiment found. The same after a trip through JSON.

    Attributes:
        id: Lower-case name of the experiment, such as "fig2a": file name and anchor.
        title: Where it stands in the paper, such as "Figure 2a".
        question: What was asked.
        claim: The paper's claim in one line.
        scale: How large the runs were.
        verdict: What became of the claim.
        measured: The values that decide.
        reason: Why the verdict is what it is; the most likely cause where it is not "reproduced".
        method: Sizes, steps and measure in a sentence or two.
        figures: File names of the figures beside the JSON, ``NAME.svg``.
        curves: Learning curves and the like, for interactive charts.
        seeds: The seeds that were run.
        command: The command that makes this finding again.
        commit: Commit of the code, with `MODIFIED` at its end where that was changed.
        machine: Processor or accelerator, and system.
        date: When it was made.

    Raises:
        InvalidArgument: A field has a value that is not allowed, or a finding of something that
            was not run has results.
    """

    id: str
    title: str
    question: str
    claim: str
    scale: Scale
    verdict: Verdict
    measured: tuple[Measurement, ...] = ()
    reason: str
    method: str
    figures: tuple[str, ...] = ()
    curves: tuple[Curve, ...] = ()
    seeds: tuple[int, ...] = ()
    command: str
    commit: str
    machine: str
    date: datetime.date

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    def __post_init__(self) -> None:
        check_fields(self)
        if not _ID.fullmatch(self.id):
            raise InvalidArgument("id", self.id, "lower-case letters, digits, '-' and '_'")
        results = bool(self.measured or self.curves or self.figures)
        if self.verdict == "not run" and results:
            raise InvalidArgument("verdict", self.verdict, "another one where there are results")
        if self.verdict in ("reproduced", "not reproduced") and not self.measured:
            allowed = "'inconclusive' or 'not run' where nothing was measured"
            raise InvalidArgument("verdict", self.verdict, allowed)
        if self.verdict != "not run" and not (self.command and self.commit):
            raise InvalidArgument(
                "command", self.command, "given, and commit too, for what was run"
            )
        if any(seed < 0 for seed in self.seeds) or len(set(self.seeds)) < len(self.seeds):
            raise InvalidArgument("seeds", self.seeds, "different whole numbers of at least 0")
        for name in self.figures:
            if Path(name).name != name or not name.endswith(".svg"):
                raise InvalidArgument("figures", name, "names of SVG files beside the JSON")

    def to_json(self) -> str:
        """Write the finding as JSON."""
        return _adapter().dump_json(self, indent=1).decode()

    @classmethod
    def from_json(cls, text: str) -> Finding:
        """Read a finding that `to_json` wrote.

        Raises:
            InvalidArgument: The text is not the JSON of a finding.
        """
        try:
            return _adapter().validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "finding"
            raise InvalidArgument(where, first["input"], f"valid: {first['msg']}") from None


def stamp() -> dict[str, Any]:
    """Say where a finding is made: the fields ``commit``, ``machine`` and ``date``.

    Example:
        >>> sorted(stamp())
        ['commit', 'date', 'machine']
    """
    state = git_state(Path(__file__).parent)
    commit = "" if state is None else state["commit"] + MODIFIED * state["modified"]
    machine = cast("dict[str, Any]", provenance()["machine"])
    return {
        "commit": commit or "unknown",
        "machine": f"{machine['processor']}, {machine['cores']} cores, {platform.system()}",
        "date": datetime.datetime.now(datetime.UTC).date(),
    }


def write(finding: Finding, folder: Path, figures: Mapping[str, Figure] | None = None) -> Finding:
    """Write a finding and its figures, each file atomically and the JSON last.

    Args:
        finding: The finding; where figures are given, their names replace those it has.
        folder: Where to write; made if need be.
        figures: Figures by name; ``NAME.svg`` and ``NAME.pdf`` are written of each. Text in an SVG
            stays text. The same figure gives the same bytes.

    Returns:
        The finding as it was written.

    Raises:
        InvalidArgument: A name is not one of a file.
        OSError: A file could not be written.
    """
    if figures:
        finding = replace(finding, figures=tuple(f"{name}.svg" for name in figures))
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in (figures or {}).items():
        for suffix in FORMS:
            with atomic_path(folder / (name + suffix)) as path:
                path.write_bytes(drawn(figure, suffix, name))
    with atomic_writer(folder / f"{finding.id}.json") as file:
        file.write(finding.to_json() + "\n")
    return finding


def read(path: Path) -> Finding:
    """Read a finding; its figures must lie beside it.

    Raises:
        IncompatibleState: The file holds no finding, has another name than the finding, or a figure
            is missing or no SVG.
        RunDamaged: The file or a figure is no regular file, such as a link, or too large.
    """
    try:
        finding = Finding.from_json(read_regular(path).decode())
    except (InvalidArgument, UnicodeDecodeError) as error:
        raise IncompatibleState(f"{path} holds no finding: {error}") from error
    if path.stem != finding.id:
        raise IncompatibleState(f"{path} holds the finding {finding.id!r}; name it as its file.")
    missing = [name for name in finding.figures if not (path.parent / name).is_file()]
    if missing:
        raise IncompatibleState(f"{path} names {', '.join(missing)}, which is not beside it.")
    for name in finding.figures:
        inline(path.parent / name, "")
        for suffix in FORMS:
            check_kind((path.parent / name).with_suffix(suffix))
    return finding


def read_each(folder: Path) -> tuple[tuple[Finding, ...], dict[str, str]]:
    """Read the findings of a folder that can be read.

    Returns:
        The findings in the order of `read_all`; and the names of the other files, with the reasons.

    Raises:
        IncompatibleState: None can be read.
        InvalidArgument: There is no finding, or no such folder.
    """
    found: list[Finding] = []
    damaged: dict[str, str] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            found.append(read(path))
        except (IncompatibleState, RunDamaged, OSError) as error:
            damaged[path.name] = str(error)
    if damaged and not found:
        raise IncompatibleState(" ".join(damaged.values()))
    if not found:
        raise InvalidArgument("folder", str(folder), "a folder with findings (ID.json)")
    return tuple(sorted(found, key=lambda finding: order(finding.id))), damaged


def read_all(folder: Path) -> tuple[Finding, ...]:
    """Read all findings of a folder: figures by their numbers, then tables, then the others.

    Raises:
        IncompatibleState: A JSON file there holds no finding; see `read`.
        InvalidArgument: There is no finding, or no such folder.
    """
    found, damaged = read_each(folder)
    if damaged:
        raise IncompatibleState(" ".join(damaged.values()))
    return found


def order(name: str) -> tuple[Any, ...]:
    """Key that sorts ids as the paper has them: fig2a before fig10, figures before tables."""
    group = next((i for i, start in enumerate(("fig", "table")) if name.startswith(start)), 2)
    parts: Sequence[str] = re.split(r"(\d+)", name)
    return group, [int(part) if i % 2 else part for i, part in enumerate(parts)]


def commits(findings: Iterable[Finding]) -> tuple[str, ...]:
    """The different commits that findings were made with, in their order; not-run ones have none.

    Example:
        >>> commits([])
        ()
    """
    made = (finding.commit for finding in findings if finding.verdict != "not run")
    return tuple(dict.fromkeys(made))


def check_ids(findings: Sequence[Finding]) -> None:
    """Refuse findings of which a page would show none, or one in the place of another.

    Raises:
        InvalidArgument: There is none, or two have one id.
    """
    names = [finding.id for finding in findings]
    if not names or len(set(names)) < len(names):
        raise InvalidArgument("findings", names, "at least one, each with an id of its own")


def _adapter() -> TypeAdapter[Finding]:
    return TypeAdapter(Finding)
