"""What the API server says, listed and watched."""
