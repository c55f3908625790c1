"""Tasks by name and settings: where the table of tasks meets the table of modifiers.

A task name is a base name followed by modifiers in the order of application, such as
``DlyGo_IntL_SeqR``. Names of the released code (``dlygointl``) and of Yang et al. (``delaygo``,
``delaygo_IntL``) are accepted as aliases.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, cast

from modcog.catalog import peers
from modcog.catalog.suites import named_suite, suites, task_names
from modcog.errors import InvalidArgument, UnknownName, unknown_keyword, unknown_name
from modcog.modifiers import MODIFIERS
from modcog.tasks import BASE_TASKS
from modcog.trials.interfaces import Modifier
from modcog.trials.spec import SHAPE, SHARED_TEXT, TaskSpec

REGISTER = (
    "JSON says how a task of one's own is set, and not what it is: modcog.register_task first."
)

OWN_SETTINGS = ("dt", "dim_ring", "noise", "bump_width", "bump_height")
"""Settings that are fields of every `TaskSpec`."""

COMMON_SETTINGS: tuple[str, ...] = (*OWN_SETTINGS, "timing")


def modifier_settings() -> dict[str, tuple[str, str]]:
    """Keyword of each modifier's setting -> the kind it belongs to and the field it sets.

    Example:
        >>> modifier_settings()["int_velocity"]
        ('Int', 'velocity')
    """
    return {
        f"{kind.lower()}_{field.name}": (kind, field.name)
        for kind, modifier in MODIFIERS.items()
        for field in dataclasses.fields(cast("Any", modifier))
        if field.name != "direction"
    }


def parse_name(name: object) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Split a task name into its base task and its modifiers in order of application.

    Args:
        name: A name such as "DlyGo_IntL_SeqR", or an alias such as "dlygointlseqr", "dmsnogo" (the
            code of Yang et al. 2019, `modcog.catalog.peers.YANG_NAMES`) or "Dly Go" (their
            figures). Case, spaces, hyphens and underscores do not count.

    Returns:
        The base name and pairs (kind, direction).

    Raises:
        UnknownName: The base task is not known; the message offers the nearest names.

    Example:
        >>> parse_name("dlygointl")
        ('DlyGo', (('Int', 'L'),))
        >>> parse_name("dmsnogo")
        ('DNMS', ())
    """
    if not isinstance(name, str):
        raise InvalidArgument("task", name, "a task name such as 'DlyGo_IntL' or a TaskSpec")
    rest = fold(name)
    modifiers: list[tuple[str, str]] = []
    bases = {**peers.YANG_NAMES, **{base.lower(): base for base in BASE_TASKS}}
    kinds = {kind.lower(): kind for kind in MODIFIERS}
    last = re.compile(rf"(.+?)({'|'.join(kinds)})([lr])", re.DOTALL)
    while rest not in bases:
        found = last.fullmatch(rest)
        if found is None:
            raise unknown_name("task", name, (*task_names(), *peers.YANG_NAMES), "a task")
        rest, kind, direction = found.groups()
        modifiers.insert(0, (kinds[kind], direction.upper()))
    return bases[rest], tuple(modifiers)


def fold(name: str) -> str:
    """A name without what does not count in it: case, spaces, hyphens and underscores."""
    return re.sub(r"[\s_-]", "", name.lower())


def task(name: str | TaskSpec, **settings: Any) -> TaskSpec:
    """Build the specification of a task by name.

    Args:
        name: The task's name or alias; a `TaskSpec` gets further settings.
        **settings: ``dt`` (ms), ``dim_ring``, ``noise`` (sqrt(ms), a pair for the two rings, or
            "yang"; the reach tasks show noise-free stimuli at any level but "yang"),
            ``bump_width`` (rad) and ``bump_height`` of what the rings show, ``timing`` (period ->
            duration, see `modcog.timing`, or the preset "neurogym"), ``int_velocity`` and
            ``seq_velocity`` (rad/s), ``int_delay`` (low, high in ms), and the options of the task's
            family (``coherences``, ``strengths``, ``min_separation``, ``nonmatch``,
            ``cross_modal``).

    Returns:
        The frozen specification.

    Raises:
        UnknownName: The task, a setting or a period is not known.
        ModifierRefused: The task cannot take a modifier; the message says why.
        InvalidArgument: A setting is out of range.

    Example:
        >>> from modcog import task
        >>> task("DlyGo_IntL", dt=20).period("delay").duration
        ('steps', (100.0, 1100.0))
    """
    spec, used = _with_settings(name, settings)
    _refuse_unused(settings, used, spec.name)
    return spec


def base_and_modifiers(
    name: str | TaskSpec, **settings: Any
) -> tuple[TaskSpec, tuple[Modifier, ...]]:
    """The base task with its settings, and the modifiers that a name asks for, not yet applied.

    Folding ``rewrite`` of the modifiers over the base gives `task` of the same arguments.
    """
    spec = task(name, **settings)
    if isinstance(name, TaskSpec):
        base_settings = settings
    else:
        base_settings = {k: v for k, v in settings.items() if k not in modifier_settings()}
        name = spec.base
    base, _ = _with_settings(name, base_settings)
    return base, spec.modifiers[len(base.modifiers) :]


def tasks_of(source: object, **settings: Any) -> tuple[TaskSpec, ...]:
    """The tasks of a suite or a list of names, one per rule slot, all with the same settings.

    A setting reaches the tasks that know it; one that no task knows is refused.

    Args:
        source: Name of a suite or of one task, or an iterable of task names and `TaskSpec`.
        **settings: As for `task`; ``timing`` reaches the tasks that have the period.

    Raises:
        InvalidArgument: The list is empty, or time steps, rings or bumps differ.
        UnknownName: A name or setting is not known.
    """
    names = slot_names(source)
    if not names:
        raise InvalidArgument("tasks", source, "a list of at least one task")
    timing = settings.get("timing")
    specs: list[TaskSpec] = []
    used: set[str] = set()
    used_periods: set[str] = set()
    for name in names:
        mine = dict(settings)
        if isinstance(timing, Mapping):
            periods = _with_settings(name, {})[0].period_names
            mine["timing"] = {k: v for k, v in timing.items() if k in periods}
            used_periods.update(mine["timing"])
        spec, used_here = _with_settings(name, mine)
        specs.append(spec)
        used |= used_here
    _refuse_unused(settings, used, "these tasks")
    if isinstance(timing, Mapping):
        for period in timing:
            if period not in used_periods:
                known = dict.fromkeys(p for spec in specs for p in spec.period_names)
                raise unknown_name("timing", period, known, "a period of these tasks")
    first = specs[0]
    for spec in specs:
        if spec.shared != first.shared:
            allowed = f"tasks with one {SHARED_TEXT}, such as those of {first.name}"
            raise InvalidArgument("tasks", spec.name, allowed)
    return tuple(specs)


def names_of(source: object, argument: str = "tasks") -> tuple[str, ...]:
    """The names of the tasks that `slot_names` gives, one per rule slot; each name says all.

    Raises:
        UnknownName: A name is not known.
        InvalidArgument: A specification has other settings than the task of its name, or none has.
    """
    names: list[str] = []
    for given in slot_names(source):
        spec = task(given)
        if isinstance(given, TaskSpec) and not _is_named(given):
            remedy = "Register it: modcog.register_task; or give a name."
            allowed = "names of tasks, or tasks that a name stands for"
            raise InvalidArgument(
                argument, f"a task {spec.name} of other settings", allowed, remedy
            )
        names.append(spec.name)
    if not names:
        raise InvalidArgument(argument, source, "a list of at least one task")
    return tuple(names)


def _is_named(spec: TaskSpec) -> bool:
    try:
        return task(spec.name) == spec
    except InvalidArgument:  # no name, or one that refuses a modifier
        return False


def task_from_json(text: str) -> TaskSpec:
    """Read a specification that `TaskSpec.to_json` wrote.

    Raises:
        InvalidArgument: The text is not such a specification.
        UnknownName: It names a base task or a modifier that is not in the tables.
    """
    try:
        record = json.loads(text)
        name, kinds = str(record["base"]), [str(m["kind"]) for m in record["modifiers"]]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise InvalidArgument("text", text, "JSON that TaskSpec.to_json wrote") from None
    for key in record:
        if key not in _RECORDED:
            raise unknown_name("text", key, _RECORDED, "an entry of a specification")
    if name not in BASE_TASKS:
        raise unknown_name("base", name, BASE_TASKS, "a base task", REGISTER)
    for kind in kinds:
        if kind not in MODIFIERS:
            raise unknown_name("kind", kind, MODIFIERS, "a modifier")
    base = BASE_TASKS[name]
    # 0.1.0 wrote neither of these.
    for key, own in (("family", base.family), ("plan", base.plan_name)):
        if record.get(key, own) != own:
            allowed = f"{own!r}, as of the task {name} here"
            raise InvalidArgument(key, record[key], allowed, REGISTER)
    try:
        modifiers = tuple(
            MODIFIERS[m["kind"]](**{k: v for k, v in m.items() if k != "kind"})
            for m in record["modifiers"]
        )
        periods = tuple(
            replace(
                base.period(p["name"]),
                **p,
            )
            for p in record["periods"]
        )
        spec = replace(
            base,
            params=type(base.params)(**record["params"]),
            periods=periods,
            modifiers=modifiers,
            interval=record.get("interval", base.interval),
            p_response=record.get("p_response", base.p_response),
            **{key: record[key] for key in OWN_SETTINGS if key in record or key not in SHAPE},
        )
        spec.check_modifiers()
        return spec
    except InvalidArgument:
        raise
    except (TypeError, KeyError, IndexError, AttributeError, ValueError) as error:
        raise InvalidArgument("text", text, f"a complete specification ({error})") from None


_RECORDED = (
    *("base", "family", "plan", "interval", "p_response", "params", "periods", "modifiers"),
    *OWN_SETTINGS,
)
"""What `TaskSpec.to_json` writes."""


def _options(spec: TaskSpec) -> tuple[str, ...]:
    """Family parameters with a default are options; the others make the task what it is."""
    return tuple(
        f.name for f in dataclasses.fields(spec.params) if f.default is not dataclasses.MISSING
    )


def _presets(spec: TaskSpec) -> Mapping[str, Mapping[str, float]]:
    """Named timings that the family brings: preset -> period -> ms."""
    return getattr(spec.params, "timing_presets", {})


def _with_settings(name: object, settings: Mapping[str, Any]) -> tuple[TaskSpec, set[str]]:
    """A task with those of the settings that it knows, and which those are."""
    if isinstance(name, TaskSpec):
        base, wanted = name, ()
    else:
        base_name, wanted = parse_name(name)
        base = BASE_TASKS[base_name]
    used = set(COMMON_SETTINGS)
    options = {key: settings[key] for key in _options(base) if key in settings}
    used.update(options)
    changes: dict[str, Any] = {key: settings[key] for key in OWN_SETTINGS if key in settings}
    if options:
        changes["params"] = replace(base.params, **options)
    timing = settings.get("timing", {})
    if isinstance(timing, str):
        presets = dict.fromkeys(p for s in (base, *BASE_TASKS.values()) for p in _presets(s))
        if timing not in presets:
            raise unknown_name("timing", timing, presets, "a timing preset")
        preset = _presets(base).get(timing, {})
        known = {key: ms for key, ms in preset.items() if key in base.period_names}
        if known and base.modifiers:
            # A preset is a default, and which durations the modifiers have replaced is not known.
            allowed = f"given with a task's name, before the modifiers of {base.name}"
            raise InvalidArgument("timing", timing, allowed)
        changes["periods"] = base.timed_periods(known, by_user=False)
    elif not isinstance(timing, Mapping):
        raise InvalidArgument("timing", timing, "a mapping of period -> duration, or 'neurogym'")
    elif timing:
        changes["periods"] = base.timed_periods(timing)
    # All at once: the new durations are only to be checked against the new time step.
    spec = replace(base, **changes) if changes else base
    if changes and base.modifiers:
        spec.check_modifiers()
    for kind, direction in wanted:
        fields: dict[str, Any] = {}
        for key, (owner, attribute) in modifier_settings().items():
            if owner == kind and key in settings:
                fields[attribute] = settings[key]
                used.add(key)
        spec = MODIFIERS[kind](direction, **fields).rewrite(spec)
    return spec, used


def _refuse_unused(settings: Mapping[str, Any], used: set[str], who: str) -> None:
    for key in settings:
        if key in used:
            continue
        remedy = peers.remedy(key) or ""
        if not remedy and key in modifier_settings():
            kind = modifier_settings()[key][0]
            remedy = f"It needs the modifier {kind} in a task's name; a TaskSpec keeps its own."
        raise unknown_keyword("setting", key, sorted(used), f"a setting of {who}", remedy)


def slot_names(source: object) -> list[str | TaskSpec]:
    """The tasks that a suite name, a task name or a list of tasks stands for, not yet built."""
    if isinstance(source, TaskSpec):
        return [source]
    if isinstance(source, str):
        if source in suites():
            return list(named_suite(source))
        try:
            parse_name(source)
        except UnknownName:
            known = [*suites(), *task_names(), *peers.YANG_NAMES]
            raise unknown_name("tasks", source, known, "a suite or a task") from None
        return [source]
    if isinstance(source, Iterable):
        return list(source)
    raise InvalidArgument("tasks", source, "the name of a suite, or a list of task names")
