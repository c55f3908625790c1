"""Trials as environments, one or many, their wrappers and their ids."""
