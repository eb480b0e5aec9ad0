"""Making an engine directory from a published model: vocabulary, trimming, conversion, tests."""
