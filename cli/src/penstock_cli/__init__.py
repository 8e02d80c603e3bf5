"""Penstock's kubectl plugin. It reads, and it asks by annotations; the controller decides."""
