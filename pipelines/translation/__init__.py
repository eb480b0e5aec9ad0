"""Translating instruction records: reading, routing, segments, protected spans, checks."""
