"""Envoy's side: its files, what they are made of, and what it says of itself."""
