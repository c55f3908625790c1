"""Names of the published code of others, and what they are called here.

The task names are those of the code of Yang et al. (2019, ``github.com/gyyang/multitask``) and of
the figures of the paper; the keywords are those of that code, of neurogym's collection ``yang19``
and of the released code of Mod-Cog.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

YANG_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "fdgo": "Go",
        "reactgo": "RTGo",
        "delaygo": "DlyGo",
        "fdanti": "Anti",
        "reactanti": "RTAnti",
        "delayanti": "DlyAnti",
        "dm1": "DM1",
        "dm2": "DM2",
        "contextdm1": "CtxDM1",
        "contextdm2": "CtxDM2",
        "multidm": "MultiDM",
        "delaydm1": "DlyDM1",
        "delaydm2": "DlyDM2",
        "contextdelaydm1": "CtxDlyDM1",
        "contextdelaydm2": "CtxDlyDM2",
        "multidelaydm": "MultiDlyDM",
        # "go" and "nogo" say what a match asks for: dmsnogo responds where the two differ.
        "dmsgo": "DMS",
        "dmsnogo": "DNMS",
        "dmcgo": "DMC",
        "dmcnogo": "DNMC",
        "multsendm": "MultiDM",
        "multsendlydm": "MultiDlyDM",
    }
)
"""Task names of Yang et al. (2019), of the code and, where they differ from ours, of the figures:
in lower case and without spaces, "multsendm" for "MultSen DM"."""

_NAME = "The name of the task says it"
_NETWORK = (
    "It belongs to the network and its training, not to the tasks (see sparse_rnn.TrainConfig)."
)
_RULES = (
    "Each trial's task is drawn uniformly among the rule slots. List a task several times to draw "
    "it more often; each place has a rule input of its own."
)
_SEED = "Environments take a seed in reset, BatchSampler takes 'seed', modcog.sample 'rng'."
_STRETCH = "Give the duration of the period in 'timing'."

_SIGMA_X = (
    "It is called 'noise' here, in sqrt(ms): sqrt(200) * sigma_x at a tau of 100 ms, on the rings "
    "alone. noise='yang' is sigma_x = 0.01 on all inputs."
)

PEER_KEYWORDS: Mapping[str, str] = MappingProxyType(
    {
        # neurogym, and the released code of Mod-Cog
        "sigma": "noise",
        "cohs": "coherences",
        "delay": "timing",
        "velocity": "int_velocity",
        "omega": "int_velocity",
        "anti": f"{_NAME}: Anti, DlyAnti and RTAnti answer to the opposite side.",
        "reaction": f"{_NAME}: RTGo and RTAnti answer at once.",
        "w_mod": f"{_NAME}: CtxDM1 judges ring 1, CtxDM2 ring 2, MultiDM both.",
        "stim_mod": f"{_NAME}: DM1 shows ring 1, DM2 ring 2, CtxDM1, CtxDM2 and MultiDM both.",
        "delaycomparison": f"{_NAME}: DlyDM1 and its kin compare over a delay, DM1 does not.",
        "matchto": f"{_NAME}: DMS and DNMS match to the sample, DMC and DNMC to the category.",
        "matchgo": f"{_NAME}: DMS and DMC respond to a match, DNMS and DNMC to a non-match.",
        "modality": "The ring is drawn in each trial; modcog.sample and new_trial take 'ring'.",
        "n_modality": "There are always two rings.",
        "integrate": f"{_NAME}: add _IntL or _IntR.",
        "seq": f"{_NAME}: add _SeqL or _SeqR.",
        "rewards": "Rewards belong to environments: modcog.make, modcog.make_vec.",
        "reward": "Rewards belong to environments; modcog.make calls them 'rewards'.",
        # Yang et al. (2019)
        "sigma_x": _SIGMA_X,
        "n_eachring": "dim_ring",
        "num_ring": "There are always two rings.",
        "n_input": "It follows from dim_ring and the number of tasks: 1 + 2 dim_ring + tasks.",
        "n_output": "It follows from dim_ring: 1 + dim_ring.",
        "n_rule": "It follows from the list of tasks: one rule input each.",
        "rule_start": "Rule inputs follow the two rings: 1 + 2 dim_ring.",
        "rule": "It is called 'tasks' here: the names of the tasks, one a rule slot.",
        "rules": "It is called 'tasks' here: the names of the tasks, one a rule slot.",
        "ruleset": "It is called 'tasks' here: the name of a suite, such as 'cog-20', or a list.",
        "rule_trains": "It is called 'tasks' here: the names of the tasks, one a rule slot.",
        "rule_prob_map": _RULES,
        "rule_probs": _RULES,
        "rule_strength": "It is a factor of the rule channels: rules=rule_strength * numpy.eye(n).",
        "rule_on": "A rule input is 1 during its whole trial.",
        "rule_off": "A rule input is 1 during its whole trial.",
        "replace_rule": "Give what the rule channels show as an array, 'rules' of BatchSampler.",
        "noise_on": "It is called 'noise' here; noise=0 is noise-free.",
        "loss_type": "BatchSampler has 'targets' ('ring' for 'lsq') and 'loss_mask'; the loss "
        "itself belongs to the training.",
        "batch_size_train": "batch_size",
        "batch_size_test": "batch_size",
        "tdim": "It is called 'seq_len' in BatchSampler; a trial is as long as 'timing' says.",
        "stim_times": _STRETCH,
        "tau": "It belongs to the network; 'dt' is the time step here.",
        "alpha": "It belongs to the network; 'dt' is the time step here.",
        "rng": _SEED,
        "seed": _SEED,
        **dict.fromkeys(
            (
                *("rnn_type", "use_separate_input", "optimizer", "activation", "sigma_rec"),
                *("w_rec_init", "l1_h", "l2_h", "l1_weight", "l2_weight", "l2_weight_init"),
                *("p_weight_train", "learning_rate", "n_rnn", "c_intsyn", "ksi_intsyn"),
                *("target_perf", "max_steps", "display_step", "trainables", "load_dir"),
                *("save_name", "in_type"),
            ),
            _NETWORK,
        ),
    }
)
"""Keywords of others: the setting of the same meaning, or a sentence that says where it is."""


def remedy(keyword: str) -> str:
    """What a keyword of others is called here, as a sentence; "" where it is none of theirs.

    Example:
        >>> remedy("n_eachring")
        "It is called 'dim_ring' here."
    """
    told = PEER_KEYWORDS.get(keyword, "")
    return f"It is called {told!r} here." if told.isidentifier() else told
