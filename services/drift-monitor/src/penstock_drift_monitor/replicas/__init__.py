"""Several monitors that share resources by name."""
