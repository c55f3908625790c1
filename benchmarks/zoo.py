"""The zoo: ten small trained networks that come with the package (`sparse_rnn.zoo`).

``python -m benchmarks.zoo --out runs/zoo`` trains those that are not there, one after another, goes
on with one that was stopped, and packs all of them into ``sparse_rnn/training/zoo_runs``: for each
an archive of its run folder, and ``index.json`` with digests, scores and commands. About a quarter
of an hour on one core.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import sparse_rnn as srnn

PACKED = Path(__file__).resolve().parents[1] / "sparse_rnn" / "training" / "zoo_runs"
"""Where the archives lie."""

KEPT = ("config.json", "evaluation.csv", "evaluations.csv", "metrics.csv", "summary.json")
"""Files of a run folder in its archive, beside the weights."""

COMMON: Mapping[str, Any] = MappingProxyType(
    {
        "steps": 1000,
        "batch_size": 64,
        "lr": 4e-3,
        "rates": "recurrent=1",
        "schedule": "cosine",
        "warmup": 50,
        "seed": 0,
        "eval_every": 200,
    }
)
"""Settings of all."""

SUITES: Mapping[str, str] = MappingProxyType({"cog20": "cog-20", "modcog84": "mod-cog-84"})
SHEET = (10, 10)

KINDS: Mapping[str, tuple[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "local": ("100 units on a sheet, connected within a radius of 3", {"radius": 3}),
        "random": (
            "100 units connected at random, with as many synapses a unit as the local one",
            {"arch": "random", "mask_options": {"in_degree": 29}},
        ),
        "dense": ("64 units, all connected", {"arch": "dense", "size": 64}),
        "autapse": (
            "100 units that are connected with themselves alone",
            {"arch": "autapse", "init": "identity"},
        ),
        "gru": (
            "49 gated units (GRU) on a sheet, connected within a radius of 3",
            {"size": (7, 7), "radius": 3, "cell": "gru"},
        ),
    }
)
"""What each kind is, and its settings beside those of all."""


def recipes() -> dict[str, tuple[str, srnn.TrainConfig]]:
    """What each network is and its configuration, by name."""
    made: dict[str, tuple[str, srnn.TrainConfig]] = {}
    for short, suite in SUITES.items():
        for kind, (about, settings) in KINDS.items():
            start: dict[str, Any] = {
                "arch": "locality",
                "size": SHEET,
                "suite": suite,
                "init": "fan_in",
            }
            config = srnn.TrainConfig(**{**start, **COMMON, **settings})
            made[f"{kind}-{short}"] = (f"{suite}: {about}", config)
    return made


def command(name: str, config: srnn.TrainConfig) -> str:
    """The command that trains a network of the zoo."""
    words = ["sparse-rnn", "train", "--suite", str(config.suite), "--arch", config.arch]
    words += ["--size", "x".join(map(str, config.size))]
    if config.radius is not None:
        words += ["--radius", f"{config.radius:g}"]
    for option, value in config.mask_options.items():
        words += [f"--mask.{option.replace('_', '-')}", str(value)]
    given = {"init": config.init, "cell": config.cell}
    plain = {"cell": "vanilla"}
    for option, value in {**given, **COMMON}.items():
        if value != plain.get(option):
            words += [f"--{option.replace('_', '-')}", str(value)]
    return " ".join([*words, "--out", f"runs/{name}"])


def pack(run: srnn.Run) -> bytes:
    """The archive of a run folder; the same run gives the same bytes.

    Of the machine, the kind of processor is kept.
    """
    assert run.folder is not None
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in (*KEPT, "weights.safetensors"):
            data = (run.folder / name).read_bytes()
            if name == "config.json":
                known = json.loads(data)
                known["machine"].pop("platform", None)
                data = (json.dumps(known, indent=2) + "\n").encode()
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_LZMA
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return content.getvalue()


def described(name: str, about: str, run: srnn.Run, archive: bytes) -> dict[str, Any]:
    """The entry of a network in the index."""
    mask = run.network.rnn.mask
    return {
        "about": about,
        "suite": run.config.suite,
        "units": mask.n_units,
        "synapses": mask.nnz,
        "steps": run.config.steps,
        "performance": round(run.evaluation.mean("performance"), 4),
        "final_accuracy": round(run.evaluation.mean("final_accuracy"), 4),
        "chance": round(run.evaluation.mean("chance"), 4),
        "command": command(name, run.config),
        "sha256": hashlib.sha256(archive).hexdigest(),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Train and pack the zoo."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.zoo", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the run folders")
    parser.add_argument("--packed", type=Path, default=PACKED, help="folder of the archives")
    known = recipes()
    parser.add_argument("--only", nargs="+", choices=[*known], help="train and pack these alone")
    options = parser.parse_args(arguments)
    options.packed.mkdir(parents=True, exist_ok=True)
    path = options.packed / "index.json"
    index: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for name in options.only or known:
        about, config = known[name]
        run = srnn.train(config, options.out / name)
        archive = pack(run)
        (options.packed / f"{name}.zip").write_bytes(archive)
        index[name] = described(name, about, run, archive)
        print(f"{name}: performance {index[name]['performance']:.3f}, {len(archive)} bytes")
        ordered = {one: index[one] for one in known if one in index}
        path.write_text(json.dumps(ordered, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
