"""HTTP: paths and status codes. What is computed lies below."""
