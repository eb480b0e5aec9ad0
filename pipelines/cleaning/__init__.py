"""Normalising, scoring and deciding: whether two texts are a good translation pair."""
