"""The command `penstock`: what a data scientist does with models, on a machine of their own."""
