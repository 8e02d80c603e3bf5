"""What Envoy is to do, in our words. Pure."""
