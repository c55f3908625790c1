"""Scores by task, and their course over training."""
