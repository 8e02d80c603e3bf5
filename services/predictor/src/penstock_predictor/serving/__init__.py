"""How calls are accepted, queued and computed, whatever the transport."""
