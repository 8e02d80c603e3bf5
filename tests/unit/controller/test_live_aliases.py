"""Several resources that name the same live alias of a model: one moves it, the others say who does."""

import pytest

from penstock_contracts.api.v1alpha1 import RegistryRef
from penstock_controller.live_aliases import Claim, LiveAliases
from penstock_controller.ports import ResourceKey

OLD, NEW = ResourceKey("b", "old"), ResourceKey("a", "new")
AT = {OLD: "2026-01-01T00:00:00Z", NEW: "2026-01-02T00:00:00Z"}
LIVE = RegistryRef(model="m", alias="champion", live_alias="live")


class Rig:
    """The aliases, as passes ask for them."""

    def __init__(self, *there: ResourceKey) -> None:
        self.woken: list[ResourceKey] = []
        self.aliases = LiveAliases(self.woken.append)
        self.aliases.expect(there)

    def ask(self, key: ResourceKey, registry: RegistryRef = LIVE) -> Claim:
        return self.aliases.ask(key, registry, AT[key])


def test_the_older_moves_it_and_the_other_names_it() -> None:
    rig = Rig()
    assert rig.ask(NEW) == Claim(mine=True)
    assert rig.ask(OLD) == Claim(mine=True)
    assert rig.woken == [NEW]
    assert rig.ask(NEW) == Claim(mine=False, other="b/old")
    assert rig.ask(OLD) == Claim(mine=True)


def test_of_two_made_in_the_same_second_one_does() -> None:
    rig = Rig()
    claims = [rig.aliases.ask(key, LIVE, AT[OLD]) for key in (OLD, NEW, OLD)]
    assert claims[1:] == [Claim(mine=True), Claim(mine=False, other="a/new")]


@pytest.mark.parametrize(
    "registry",
    [
        RegistryRef(model="other", alias="champion", live_alias="live"),
        RegistryRef(model="m", alias="champion", live_alias="living"),
        RegistryRef(model="m", alias="champion", live_alias="live", connection="west"),
        RegistryRef(model="m", alias="champion"),
    ],
    ids=["another model", "another alias", "another registry", "none"],
)
def test_what_is_not_the_same_is_nobody_elses(registry: RegistryRef) -> None:
    rig = Rig()
    rig.ask(OLD)
    assert rig.ask(NEW, registry) == Claim(mine=True)


def test_case_makes_no_other_alias() -> None:
    rig = Rig()
    rig.ask(OLD)
    assert rig.ask(NEW, RegistryRef(model="m", alias="champion", live_alias="Live")).other == "b/old"


@pytest.mark.parametrize("how", ["deleted", "names another"])
def test_when_the_older_leaves_it_the_other_is_woken_and_moves_it(how: str) -> None:
    rig = Rig()
    rig.ask(OLD)
    rig.ask(NEW)
    rig.woken.clear()
    if how == "deleted":
        rig.aliases.forget(OLD)
    else:
        rig.ask(OLD, RegistryRef(model="m", alias="champion", live_alias="elsewhere"))
    assert rig.woken == [NEW]
    assert rig.ask(NEW) == Claim(mine=True)


def test_after_a_restart_nobody_moves_one_before_all_have_been_looked_at() -> None:
    rig = Rig(OLD, NEW)
    assert rig.ask(NEW) == Claim(mine=False)
    assert rig.ask(OLD) == Claim(mine=True)
    assert rig.woken.count(NEW) >= 1
    assert rig.ask(NEW) == Claim(mine=False, other="b/old")


def test_before_it_is_known_who_there_is_nobody_moves_one() -> None:
    aliases = LiveAliases(lambda _: None)
    assert aliases.ask(OLD, LIVE, AT[OLD]) == Claim(mine=False)
