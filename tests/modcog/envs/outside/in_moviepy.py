"""gymnasium's RecordVideo writes a film of trials, in the folder that is given."""

from __future__ import annotations

import sys
from pathlib import Path

import gymnasium as gym
from gymnasium.wrappers import RecordVideo
from moviepy import VideoFileClip

import modcog  # noqa: F401 - registers the ids

folder = Path(sys.argv[1])
env = RecordVideo(
    gym.make("modcog/Go-v0", render_mode="rgb_array", terminate=True),
    str(folder),
    episode_trigger=lambda episode: episode < 2,
)
for episode in range(2):
    env.reset(seed=episode)
    while not env.step(0)[2]:
        pass
env.close()
films = sorted(folder.glob("*.mp4"))
assert len(films) == 2, films
clip = VideoFileClip(str(films[0]))
assert clip.size == [720, 640]
assert clip.fps == 10
assert abs(clip.duration - 1.6) < 0.11, clip.duration  # 15 steps of 100 ms, and the reset
