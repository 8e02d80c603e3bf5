"""Evidently reports, each made in a process of its own: they explain a verdict and decide none."""
