"""The loop that brings Envoy to what the splits ask for, and what it may acknowledge."""
