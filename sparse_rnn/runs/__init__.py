"""What of a run lies on the disk: its folder, checkpoints, weights, and where it came from."""
