"""From clean pairs and instructions to what a trainer eats: scaling laws, allocation, examples, mixtures."""
