"""The command `sparse-rnn zoo`: small trained networks that come with the package."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from sparse_rnn.errors import InvalidArgument, unknown_name
from sparse_rnn.system.output import say
from sparse_rnn.training.zoo import zoo as networks


def zoo(
    name: Annotated[
        tyro.conf.Positional[str],
        tyro.conf.arg(metavar="NAME", help="A network; without one, all are listed."),
    ] = "",
    *,
    out: Annotated[
        Path | None,
        tyro.conf.arg(aliases=("-o",), help="Folder for its run, which other commands take."),
    ] = None,
) -> None:
    """List the trained networks that come with the package, or write the run of one of them.

    They are small and were trained for 1000 steps each, on cog-20 or on mod-cog-84: for a first
    look at analyze, explore, eval and report, not as results.
    """
    known = networks()
    if not name:
        if out is not None:
            raise InvalidArgument("--out", str(out), "given with the NAME of a network")
        width = max(len(one) for one in known)
        say(f"{'name':{width}}  units  synapses  performance  what it is")
        for one in known.values():
            numbers = f"{one.units:5d}  {one.synapses:8d}  {one.performance:11.2f}"
            say(f"{one.name:{width}}  {numbers}  {one.about}")
        return
    if name not in known:
        raise unknown_name("NAME", name, known, "a network of the zoo")
    chosen = known[name]
    if out is None:
        say(f"{name}: {chosen.about}.")
        say(f"Trained by: {chosen.command}")
        say(f"Write its run folder: sparse-rnn zoo {name} --out FOLDER")
        return
    say(f"{chosen.save(out)}: {chosen.about}. Trained by: {chosen.command}")
