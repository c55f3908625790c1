"""Layers and networks with weights on the edges of a mask."""
