"""The work: one package per stage, in the order in which data flows."""

__version__ = "0.1.0"
