"""What a person opens in a browser: which models are watched, what drifted, and reports."""
