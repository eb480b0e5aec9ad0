"""Duplicates, evaluation sets and splits: what a row is to other rows."""
