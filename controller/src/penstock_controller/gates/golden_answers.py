"""How far the golden answers of two versions are apart, where both were asked the same."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from penstock_contracts.inference import RequestInput, ResponseOutput
from penstock_contracts.model_card import ModelCard


@dataclass(frozen=True, kw_only=True)
class GoldenDifference:
    """The output that differs most."""

    output: str
    share: float
    """0: alike; 0.1: by 10 %."""
    how: str
    """What the share is of, for a person."""


def golden_difference(stable: ModelCard, candidate: ModelCard) -> GoldenDifference | None:
    """How far the candidate's answer is from stable's; None: they were not asked the same, or share no output."""
    if _question(stable) != _question(candidate):
        return None
    answers = {tensor.name: tensor for tensor in candidate.golden.response.outputs}
    pairs = [(tensor, answers[tensor.name]) for tensor in stable.golden.response.outputs if tensor.name in answers]
    found = [
        _difference(before, after)
        for before, after in pairs
        if (before.shape, before.datatype, len(before.data)) == (after.shape, after.datatype, len(after.data))
    ]
    return max(found, key=lambda difference: difference.share, default=None)


def _question(card: ModelCard) -> tuple[object, ...]:
    """What the version was asked: equal for equal requests, also for those that do not lie in the card."""
    golden = card.golden
    content = next((file.sha256 for file in card.files if file.path == golden.request_path), None)
    return (tuple(sorted(map(_tensor, golden.request.inputs))), golden.fill, content)


def _tensor(tensor: RequestInput) -> tuple[str, str, tuple[int, ...], str]:
    return (tensor.name, tensor.datatype, tensor.shape, repr(list(_flat(tensor.data))))


def _flat(data: Sequence[Any]) -> Iterator[Any]:
    for value in data:
        if isinstance(value, list):
            yield from _flat(value)
        else:
            yield value


def _difference(before: ResponseOutput, after: ResponseOutput) -> GoldenDifference:
    pairs = list(zip(before.data, after.data, strict=True))
    if before.datatype.startswith("FP"):
        share = max((abs(now - was) / max(1.0, abs(was)) for was, now in pairs), default=0.0)
        return GoldenDifference(output=before.name, share=share, how="of stable's value, of 1 where that is smaller")
    differing = sum(was != now for was, now in pairs)
    share = differing / max(1, len(pairs))
    return GoldenDifference(output=before.name, share=share, how=f"{differing} of {len(pairs)} values are others")
