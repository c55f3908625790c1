"""Comparisons of networks beyond those of the paper: each is a script with its own question."""
