"""Columns that a row lacks, looked up in a feature store by the entity keys that it gives. Loaded for such models."""
