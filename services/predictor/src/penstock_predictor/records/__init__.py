"""Prediction records: what runs computed, on its way to the drift monitor. Loaded where there is one to send to."""
