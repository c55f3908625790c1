"""How good answers are: the measures, and what chance and cheap strategies reach."""
