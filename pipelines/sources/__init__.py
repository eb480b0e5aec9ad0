"""From published files to rows of raw text."""
