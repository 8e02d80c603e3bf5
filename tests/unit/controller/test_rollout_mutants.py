"""The faults that `make check-deep` plants in the engine can still be planted."""

from pathlib import Path

import pytest

import penstock_controller
from penstock_testing.rollout_mutants import MUTANTS, Mutant

ROLLOUT = Path(penstock_controller.__file__).parent / "rollout"


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.fault)
def test_what_a_fault_replaces_occurs_once(mutant: Mutant) -> None:
    assert (ROLLOUT / mutant.file).read_text().count(mutant.before) == 1
