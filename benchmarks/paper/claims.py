"""What the paper reports, by experiment; a finding shows it beside what was measured.

Source: Khona, Chandra, Ma and Fiete (2023), https://doi.org/10.1162/neco_a_01613. Nothing in here
enters a measurement or decides a verdict, except as the thing that is compared with. `values` holds
the numbers that the paper's text and tables give; what stands in its figures alone is not read off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True)
class Claim:
    """One claim of the paper, or a question of our own.

    Attributes:
        title: Where it stands.
        text: The claim in one line.
        values: Numbers that the paper gives, by what they are about.
        spread: Their standard deviations over seeds, where it gives those.
        compares: Whether it compares networks that are trained, for which starts and rates matter.
    """

    title: str
    text: str
    values: Mapping[str, float] = field(default_factory=dict[str, float])
    spread: Mapping[str, float] = field(default_factory=dict[str, float])
    compares: bool = False

    @property
    def fairly(self) -> Claim:
        """The same claim, about networks of which each has its own start and rates."""
        return Claim(f"{self.title}, fair setting", self.text)


ASKED: Mapping[str, Claim] = MappingProxyType(
    {
        "fig1d": Claim(
            "Figure 1d",
            "Locality masks have a longer diameter and longer shortest paths than random graphs "
            "with as many edges, but smaller clustering coefficients.",
        ),
        "fig2a": Claim(
            "Figure 2a",
            "On the 20 base tasks, networks with every locality radius d, autapses included, learn "
            "faster than the dense network of equal size; at 2000 steps a small d is best.",
            compares=True,
        ),
        "fig2b": Claim(
            "Figure 2b",
            "Locality-masked networks beat dense networks with as many synapses.",
            values={
                "Autapses 625, weights": 4.4e4,
                "LM-RNN 25x25, d=2, weights": 5.2e4,
                "LM-RNN 25x25, d=4, weights": 7.4e4,
                "Dense 196, weights": 5.2e4,
                "Dense 256, weights": 8.3e4,
            },
            compares=True,
        ),
        "fig3ab": Claim(
            "Figure 3a-b",
            "The task variances of autapses, which have no lateral connections, form clusters.",
            values={"Clusters": 12},
        ),
        "fig3cde": Claim(
            "Figure 3c-e",
            "Rule inputs correlate in blocks that follow the task families, are orthogonal to "
            "fixation and stimulus inputs, and stimulus inputs correlate as a circulant matrix.",
        ),
        "fig3fg": Claim(
            "Figure 3f-g",
            "Autapse weights lie near 0 or near 1. The small ones are not needed; without the "
            "large ones all tasks but RTGo and RTAnti fall to chance.",
            values={"Matching tasks without large weights": 0.5},
        ),
        "fig3h": Claim(
            "Figure 3h",
            "Adding the input vectors of a trial by hand, without dynamics, gives the right output "
            "in Go and in Anti.",
        ),
        "fig3i": Claim(
            "Figure 3i",
            "Autapses frozen at weight 1 learn faster than trained autapses, and reach the same "
            "performance.",
            compares=True,
        ),
        "fig4ae": Claim(
            "Figure 4a-e",
            "Int moves the answer with the length of the delay; Seq makes it drift during the "
            "response, to the left or to the right.",
        ),
        "fig4f": Claim(
            "Figure 4f",
            "On the 84 tasks of Mod-Cog no pool of autapses passes 50 %, whatever its size.",
            values={"Bound": 0.5},
            compares=True,
        ),
        "fair": Claim(
            "Our question: a fair comparison",
            "The advantage of local masks survives a start whose gain does not depend on the mask, "
            "a learning rate tuned for each network, and equal wall-clock time.",
        ),
        "why": Claim(
            "Our question: why local masks lead",
            "Local masks lead dense networks at one start and one learning rate for all, as one "
            "rate moves dense networks too far; with steps of equal size, or a start and rates of "
            "its own, a dense network of equal size is not behind at equal updates.",
        ),
        "why_sgd": Claim(
            "Our question: an optimiser of equal steps",
            "At one rate for all weights, the best for each network, local masks lead dense "
            "networks with Adam; with stochastic gradient descent, whose steps do not grow with "
            "the in-degree, a local mask leads by less than 0.05, and by less than with Adam.",
        ),
        "why_suites": Claim(
            "Our question: other tasks",
            "On the 20 base tasks, and on compositions Int x Seq alone, as on Mod-Cog, local masks "
            "lead dense networks at one start and rate for all, and by less than 0.05 where each "
            "network has its own.",
        ),
        "why_large": Claim(
            "Our question: a larger network",
            "With 900 units, as with fewer, local masks lead dense networks at one start and rate "
            "for all, and by less than 0.05 where each network has its own.",
        ),
        "why_defaults": Claim(
            "Our question: the defaults",
            "With the default settings, one start and one rate for all masks and a recurrent rate "
            "that falls with the in-degree, dense and local networks end less than 0.05 below "
            "settings of their own, and local masks lead by what they lead by with those, within "
            "0.05.",
        ),
        "why_bursts": Claim(
            "Our question: bursts",
            "In-degree times recurrent rate goes with the gradients of the first updates and with "
            "bursts; and at equal settings a sparse network leads the dense one the more, the "
            "more bursts the dense one has beyond its own.",
        ),
        "why_wrap": Claim(
            "Our question: the label wrap",
            "The label wrap of the released tasks helps a dense network by fewer bursts: at one "
            "rate for all it is better and bursts less with the wrap, and with a recurrent rate "
            "that falls with its in-degree the wrap changes it by less than 0.05.",
        ),
        "fig5ab": Claim(
            "Figure 5a-b",
            "On Mod-Cog, an intermediate locality radius learns fastest, ahead of the dense "
            "network.",
            values={
                "LM-RNN 50x50, d=6": 0.799,
                "LM-RNN 50x50, d=10": 0.815,
                "Dense 2500": 0.71,
            },
            spread={
                "LM-RNN 50x50, d=6": 0.007,
                "LM-RNN 50x50, d=10": 0.005,
                "Dense 2500": 0.02,
            },
            compares=True,
        ),
        "fig5c": Claim(
            "Figure 5c",
            "At a fixed sparsity of about 4 %, locality masks are as good as random masks of equal "
            "in-degree or slightly better.",
            compares=True,
        ),
        "fig5de": Claim(
            "Figure 5d-e", "The sparsity that is best falls as the network grows.", compares=True
        ),
        "fig5f": Claim(
            "Figure 5f",
            "With a fixed number of synapses (that of d = 8), the local radius makes no big "
            "difference after 1000 steps; after 2000 the locality mask is slightly ahead.",
            compares=True,
        ),
        "table1": Claim(
            "Table 1",
            "After 10 000 steps on 84 tasks, locality-masked networks lead dense networks of equal "
            "units or weights, and those made sparse by an L1 penalty.",
            values={
                "LM-RNN 50x50, d=6": 0.799,
                "LM-RNN 50x50, d=10": 0.815,
                "Dense 676": 0.69,
                "Dense 2500": 0.71,
                "L1 2500, 1e-4": 0.59,
                "L1 2500, 1e-5": 0.72,
                "L1 2500, 1e-6": 0.73,
                "L1 2500, 1e-7": 0.71,
                "LM-RNN 50x50, d=6, nonzero recurrent": 2.82e5,
                "LM-RNN 50x50, d=10, nonzero recurrent": 7.92e5,
                "Dense 676, nonzero recurrent": 4.57e5,
                "Dense 2500, nonzero recurrent": 6.25e6,
                "L1 2500, 1e-4, nonzero recurrent": 6.51e4,
                "L1 2500, 1e-5, nonzero recurrent": 1.81e5,
                "L1 2500, 1e-6, nonzero recurrent": 6.87e5,
                "L1 2500, 1e-7, nonzero recurrent": 1.52e6,
            },
            spread={
                "LM-RNN 50x50, d=6": 0.007,
                "LM-RNN 50x50, d=10": 0.005,
                "Dense 676": 0.01,
                "Dense 2500": 0.02,
                "L1 2500, 1e-4": 0.02,
                "L1 2500, 1e-5": 0.01,
                "L1 2500, 1e-6": 0.02,
                "L1 2500, 1e-7": 0.01,
            },
            compares=True,
        ),
        "full_length": Claim(
            "Table 1 and Figures 5a-b, 10 000 steps",
            "At the paper's own length, locality-masked networks of 2500 units learn faster than "
            "dense networks of equal units or weights, and end ahead of them.",
            values={
                "LM-RNN 50x50, d=6": 0.799,
                "LM-RNN 50x50, d=10": 0.815,
                "Dense 676": 0.69,
            },
            spread={
                "LM-RNN 50x50, d=6": 0.007,
                "LM-RNN 50x50, d=10": 0.005,
                "Dense 676": 0.01,
            },
            compares=True,
        ),
        "fig6": Claim(
            "Figure 6",
            "A dense network with any L1 penalty learns worse than one with a local mask.",
            compares=True,
        ),
        "fig7_11": Claim(
            "Figures 7-11",
            "After training on 84 tasks, units form fewer clusters under a local mask than in a "
            "dense network.",
            values={"LM-RNN 50x50, d=10": 24, "Dense 2500": 33},
        ),
        "released_faults": Claim(
            "Our question: released tasks",
            "The faults of the released tasks leave the comparison of local and dense as it is.",
            compares=True,
        ),
    }
)
"""The claims as they are made, by the id of their experiment."""

FAIR = "fair_"
"""Begins the id of the experiment that judges a claim with fair starts and learning rates."""

FAIRLY = ("table1", "fig2a", "fig4f", "fig5ab", "fig5c")
"""The claims that are also judged with the start and the rates that are best for each network."""

CLAIMS: Mapping[str, Claim] = MappingProxyType(
    {**ASKED, **{FAIR + name: ASKED[name].fairly for name in FAIRLY}}
)
"""All claims by the id of their experiment."""
