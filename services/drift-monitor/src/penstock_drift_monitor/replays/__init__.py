"""Recorded requests of stable's that a candidate answers too, before or beside copies of users' requests."""
