"""Over HTTP: two ways in, the hot one and FastAPI's, to the same answers."""
