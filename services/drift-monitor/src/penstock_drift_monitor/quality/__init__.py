"""Live quality from labels. Pure."""
