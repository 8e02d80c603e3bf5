"""Penstock for Python: from a trained model to one that serves."""

from penstock.errors import ModelRefused, PenstockError, RegistryFault
from penstock.logged_version import LoggedVersion, log_model

__all__ = ["LoggedVersion", "ModelRefused", "PenstockError", "RegistryFault", "log_model"]
