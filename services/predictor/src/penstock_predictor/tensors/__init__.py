"""Tensors as they travel: types, shapes, and V2's JSON and bytes to arrays and back."""
