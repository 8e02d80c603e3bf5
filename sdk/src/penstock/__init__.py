"""Penstock for Python: from a trained model to one that serves."""

from penstock.deployment import deployment
from penstock.errors import ModelRefused, PenstockFailure, PredictFailed, RegistryFault
from penstock.feature_lookups import ViewLookup
from penstock.logged_version import LoggedVersion, log_model
from penstock.prediction import Predicted, predict

__all__ = [
    "LoggedVersion",
    "ModelRefused",
    "PenstockFailure",
    "PredictFailed",
    "Predicted",
    "RegistryFault",
    "ViewLookup",
    "deployment",
    "log_model",
    "predict",
]
