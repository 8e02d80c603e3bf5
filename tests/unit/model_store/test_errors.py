import errno
import re

import pytest

from penstock_contracts.model_card import IngestPhase
from penstock_model_store.errors import (
    ArtifactRefused,
    Failed,
    PickleOnly,
    StoreFault,
    StoreFull,
    disk_error,
    error_named,
)


def test_every_reason_is_one_camel_case_word_that_comes_back_from_another_process() -> None:
    kinds = [*ArtifactRefused.__subclasses__(), *Failed.__subclasses__()]

    for kind in kinds:
        error = error_named(kind.__name__, "said")
        assert type(error) is kind
        assert str(error) == "said"
        assert re.fullmatch(r"([A-Z][a-z]+)+", error.reason)
    assert len({kind.__name__ for kind in kinds}) == len(kinds)


def test_a_reason_that_is_not_ours_is_a_fault_of_the_store() -> None:
    assert str(error_named("Exception", "boom")) == "Exception: boom"
    assert isinstance(error_named("Exception", "boom"), StoreFault)


def test_the_phase_tells_whether_trying_again_makes_sense() -> None:
    assert PickleOnly("").phase is IngestPhase.REFUSED
    assert StoreFull("").phase is IngestPhase.FAILED


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.ENOSPC, StoreFull), (errno.EDQUOT, StoreFull), (errno.EIO, StoreFault)]
)
def test_the_disks_errors_have_names(number: int, kind: type[Failed]) -> None:
    assert type(disk_error(OSError(number, "x"))) is kind
