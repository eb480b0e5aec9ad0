"""Building MI-EVAL: self-instruct, translation, decontamination and publishing put together."""
