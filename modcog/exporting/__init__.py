"""Batches as files for other programs."""
