"""Instruction rows and texts in, tokens with the boundary between question and answer out."""
