"""New instructions in the self-instruct way: a generator is shown tasks, and continues the list."""
