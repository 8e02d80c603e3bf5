"""Notifications as receivers take them. Pure."""
