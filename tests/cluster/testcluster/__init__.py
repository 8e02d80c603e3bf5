"""A real one-node Kubernetes in namespaces of its own, and the images that run on it."""
