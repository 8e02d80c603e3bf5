"""Takes prediction records and labels; answers drift and live quality."""
