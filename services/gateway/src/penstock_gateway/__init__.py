"""The gateway: real Envoy, and an agent that turns ModelDeployments and endpoints into its configuration."""
