"""Reading tokens, packing them, and training on them with DeepSpeed."""
