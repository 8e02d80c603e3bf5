"""Many resources under one controller."""
