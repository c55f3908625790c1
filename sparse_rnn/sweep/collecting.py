"""`collect`: the results of a sweep as Parquet tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparse_rnn.config.train import TrainConfig
from sparse_rnn.sweep import extra
from sparse_rnn.sweep.columns import CURVE, TASKS, Row, Rows, known_columns, rows_of
from sparse_rnn.sweep.grid import Grid, load
from sparse_rnn.sweep.naming import RUNS, distinct
from sparse_rnn.sweep.standing import folders_of
from sparse_rnn.system.files import atomic_path

if TYPE_CHECKING:
    import pyarrow as pa

TABLE = "sweep.parquet"
"""Name of the table of runs in a folder of results, by default."""


def collect(  # pyright: ignore[reportUnknownParameterType] - pyarrow ships no types
    results: Path | str,
    configs: Grid | Iterable[TrainConfig] | Path | str | None = None,
    out: Path | str | None = None,
) -> pa.Table:
    """Write the results of a sweep as Parquet tables, which pandas, polars and duckdb read.

    Three files are written, whole or not at all: `out` has a row for each run, with its identity,
    state, settings, final scores (means over tasks), steps, seconds, the step and second at which
    each level was reached, the commit, versions and machine. ``STEM-curves.parquet`` beside it has
    a row for each evaluation on the way, ``STEM-tasks.parquet`` one for each task at the end; both
    are joined by `identity`.

    Args:
        results: Folder of the results.
        configs: The runs that are wanted, as a grid, configurations or the path of a file with a
            grid; None for all that the folder has. Runs that are not done are in the table of runs
            too: filter by ``state == "done"``.
        out: Name of the table of runs; by default ``RESULTS/sweep.parquet``.

    Returns:
        The table of runs.

    Raises:
        SparseRnnError: The extra `sweep` is not installed.
        InvalidArgument: A grid is refused.
        OSError: A file cannot be written.
    """
    extra.need("pyarrow")
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = Path(results) / TABLE if out is None else Path(out)
    folders = folders_of(None, results) if configs is None else {}
    known = {} if configs is None else distinct(load(configs))
    names = known or folders
    path.parent.mkdir(parents=True, exist_ok=True)
    found = (rows_of(name, Path(results) / RUNS / name, known.get(name)) for name in names)
    runs: list[Row] = []
    curves = _long(pa, CURVE, integers=("step",))
    tasks = _long(pa, TASKS, integers=("n_trials",))
    with (
        atomic_path(path.with_name(f"{path.stem}-curves.parquet")) as curves_path,
        atomic_path(path.with_name(f"{path.stem}-tasks.parquet")) as tasks_path,
    ):
        # Opened here, as the library takes no name that is no Unicode.
        with (
            curves_path.open("wb") as curves_out,
            tasks_path.open("wb") as tasks_out,
            pq.ParquetWriter(curves_out, curves) as curves_file,
            pq.ParquetWriter(tasks_out, tasks) as tasks_file,
        ):
            for some in _portions(found, 1000):
                runs += [rows.run for rows in some]
                curve = [row for rows in some for row in rows.curve]
                scores = [row for rows in some for row in rows.tasks]
                curves_file.write_table(_table(pa, curves, curve))
                tasks_file.write_table(_table(pa, tasks, scores))
        table = pa.Table.from_pylist(runs, schema=_wide(pa, runs))
        with atomic_path(path) as temporary, temporary.open("wb") as out_file:
            pq.write_table(table, out_file)
    return table


def _portions(rows: Iterable[Rows], number: int) -> Iterable[list[Rows]]:
    """Lists of so many rows, so that the long tables need no memory for all of them."""
    some: list[Rows] = []
    for row in rows:
        some.append(row)
        if len(some) == number:
            yield some
            some = []
    if some:
        yield some


def _long(pa: Any, columns: Sequence[str], integers: Sequence[str]) -> Any:
    """Schema of a long table: its texts are words that repeat."""
    words = pa.dictionary(pa.int32(), pa.string())
    kinds = {"identity": words, "task": words, **dict.fromkeys(integers, pa.int64())}
    return pa.schema([(name, kinds.get(name, pa.float64())) for name in columns])


def _table(pa: Any, schema: Any, rows: Sequence[tuple[Any, ...]]) -> Any:
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    arrays = [
        pa.array(list(column), type=field.type)
        for column, field in zip(columns, schema, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _wide(pa: Any, runs: Sequence[Row]) -> Any:
    """Schema of the table of runs: known columns first, then what these runs have besides."""
    kinds = known_columns()
    for name in sorted({name for run in runs for name in run} - kinds.keys()):
        kind = _common({type(run[name]) for run in runs if run.get(name) is not None})
        kinds[name] = kind
        if kind in (str, float):  # Options of masks that are words here and numbers there.
            for run in runs:
                run[name] = None if run.get(name) is None else kind(run[name])
    arrow = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}
    return pa.schema([(name, arrow[kind]) for name, kind in kinds.items()])


def _common(kinds: set[type]) -> type:
    """The narrowest type for values of these types."""
    if len(kinds) == 1:
        return next(iter(kinds))
    return float if kinds == {int, float} else str
