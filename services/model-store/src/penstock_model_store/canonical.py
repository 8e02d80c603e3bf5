"""The bytes of the files that the store writes into a model's folder: equal for equal meaning."""

import json
from collections.abc import Sequence
from typing import Any

from penstock_contracts.features import FeatureLookup
from penstock_contracts.inference import InferRequest
from penstock_contracts.model_card import Column

SIGNATURE_NAME = "signature.json"
EXAMPLE_NAME = "input_example.json"


def canonical_signature(columns: Sequence[Column]) -> bytes:
    """`signature.json`: it decides how `/predict` builds its tensors, so it is part of the digest.

    ``{"columns":[{"name":"age","required":true,"type":"double"}]}`` and a line feed.
    """
    return _canonical({"columns": [column.model_dump(exclude_none=True) for column in columns]})


def canonical_features(lookup: FeatureLookup) -> bytes:
    """`features.json`: what stands for a missing value decides answers, so it is part of the digest."""
    return _canonical(lookup.model_dump(mode="json", exclude_none=True))


def canonical_request(request: InferRequest) -> bytes:
    """`input_example.json`: the golden request, data flat.

    ``{"inputs":[{"data":[1.0,2.0],"datatype":"FP32","name":"x","shape":[1,2]}]}`` and a line feed.
    """
    return _canonical(request.model_dump(mode="json", exclude_none=True))


def _canonical(document: dict[str, Any]) -> bytes:
    """JSON with sorted keys and no spaces, non-ASCII characters as they are, one line feed at the end."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()
