"""Records on their way beyond this machine. Loaded where a sink is configured."""
