"""The reinforcement learning example learns: it runs where sb3-contrib is installed."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

import modcog

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = ROOT / "docs" / "examples" / "recurrent_ppo.py"


# Deprecations of other packages, which depend on their versions.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
@pytest.mark.slow
def test_a_recurrent_ppo_learns_rtgo() -> None:
    pytest.importorskip("sb3_contrib", reason='needs the extra "rl"')
    example = runpy.run_path(str(SCRIPT))
    agent = example["train"](seed=0)
    score = example["performance"](agent, trials=500)
    assert score >= 0.8
    assert score > modcog.chance_level("RTGo", dim_ring=8) + 0.5


def test_the_page_shows_the_settings_of_the_script() -> None:
    page = (ROOT / "docs" / "reinforcement_learning.md").read_text(encoding="utf-8")
    script = SCRIPT.read_text(encoding="utf-8")
    shown = page.split("agent = RecurrentPPO(")[1].split(")\n")[0]
    for line in filter(None, map(str.strip, shown.splitlines())):
        if "seed" not in line:
            assert line in script
    assert "STEPS = 150_000" in script
    assert "total_timesteps=150_000" in page
