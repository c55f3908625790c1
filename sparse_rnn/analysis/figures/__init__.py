"""Figures of the analyses."""
