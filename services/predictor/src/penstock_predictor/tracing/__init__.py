"""Goes on with traces that the gateway began: what the event loop notes, and the thread that exports it."""
