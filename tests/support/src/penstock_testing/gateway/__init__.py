"""The gateway on loopback: a real Envoy, the agent's own loop fed by hand, and small servers behind them."""
