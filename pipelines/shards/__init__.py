"""Writing, describing and publishing datasets."""
