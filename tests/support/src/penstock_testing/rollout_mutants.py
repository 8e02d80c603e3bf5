"""Faults that somebody could make in the rollout engine, as edits of its source."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """One edit. The text before it occurs exactly once in its file."""

    fault: str
    file: str
    before: str
    after: str


MUTANTS = (
    Mutant(
        "the floor of an attempt follows the load down again",
        "sizing.py",
        "max(spec.predictor.min_replicas, status.floor or 0)",
        "spec.predictor.min_replicas",
    ),
    Mutant(
        "stable's floor is the user's while an attempt lasts",
        "sizing.py",
        "return total(spec, status, observation) if _on_attempt(status) else spec.predictor.min_replicas",
        "return spec.predictor.min_replicas",
    ),
    Mutant(
        "the number of pods is set beside an autoscaler",
        "sizing.py",
        "return bounded if workload.replicas else (*bounded, scale)",
        "return bounded if workload.replicas == size else (*bounded, scale)",
    ),
    Mutant(
        "the floor stays when the attempt has ended",
        "sizing.py",
        'return status.model_copy(update={"floor": None})',
        "return status",
    ),
    Mutant(
        "a candidate is gone before every gateway pod has acknowledged weight 0",
        "trial.py",
        """    if wish is traffic and situation.acknowledged():
        return attempt.end(situation, candidate, ending)
    where""",
        """    if wish is traffic:
        return attempt.end(situation, candidate, ending)
    where""",
    ),
    Mutant(
        "a gate that cannot say promotes",
        "gates.py",
        "if gate.verdict != Verdict.PASS.value)",
        "if gate.verdict not in {Verdict.PASS.value, Verdict.INCONCLUSIVE.value})",
    ),
    Mutant(
        "gateways that do not answer are taken for evidence",
        "trial.py",
        """    if gates.unread(situation):
        return False
""",
        "",
    ),
    Mutant(
        "who failed is forgotten",
        "attempt.py",
        '"refused": _refusal(candidate, ending) if failed else None,',
        '"refused": None,',
    ),
    Mutant(
        "who failed is remembered without the version's creation time",
        "attempt.py",
        """        revision=candidate.revision,
        created_at_ms=candidate.created_at_ms,
        generation=""",
        """        revision=candidate.revision,
        created_at_ms=0,
        generation=""",
    ),
    Mutant(
        "who failed in the bake is remembered without the version's creation time",
        "bake.py",
        "        created_at_ms=previous.created_at_ms,\n",
        "",
    ),
    Mutant(
        "a silent gateway pod does not count",
        "routing.py",
        "return traffic is not None and bool(gateways) and not laggards(traffic, gateways)",
        "return traffic is not None and bool(gateways) and len(laggards(traffic, gateways)) < len(gateways)",
    ),
    Mutant(
        "pods leave without time to finish what they have",
        "retirement.py",
        ">= timeout + _CLOCK_GRAIN",
        ">= 0",
    ),
    Mutant(
        "pods leave while their clusters are still asked for",
        "retirement.py",
        """    if routing.known(traffic, item.revision):
        return False
    if traffic.applied is None:""",
        """    if traffic.applied is None:""",
    ),
    Mutant(
        "with the status lost pods leave before the new split is acknowledged",
        "retirement.py",
        """    if traffic.applied is None:
        return routing.acknowledged(traffic, observation.gateways)
""",
        "",
    ),
    Mutant(
        "with the status lost a number is used again",
        "routing.py",
        "*(pod.number or 0 for pod in gateways), 0) + 1",
        "0) + 1",
    ),
    Mutant(
        "with the status lost the oldest version is adopted",
        "adoption.py",
        "return max(promoted,",
        "return min(promoted,",
    ),
    Mutant(
        "a share rises before all pods are ready",
        "trial.py",
        "    if workload.ready < size:",
        "    if workload.ready < 1:",
    ),
    Mutant(
        "a share rises onto pods that the gateway does not know",
        "trial.py",
        "    if situation.acknowledged() and reachable:\n        return None\n    return waiting",
        "    if situation.acknowledged():\n        return None\n    return waiting",
    ),
    Mutant(
        "a share rises while a gateway pod is behind",
        "trial.py",
        "    if routing.asks(traffic, candidate.revision) and not rises:",
        "    if routing.asks(traffic, candidate.revision):",
    ),
    Mutant(
        "who was sent copies a moment ago passes for introduced",
        "trial.py",
        "    if routing.asks(traffic, candidate.revision) and not rises:",
        "    if routing.sends(traffic, candidate.revision) and not rises:",
    ),
    Mutant(
        "the deadline counts pauses",
        "trial.py",
        "    if not step.spends:",
        "    if step.status.phase is Phase.PAUSED:",
    ),
    Mutant(
        "the deadline forgets what was waited before",
        "trial.py",
        'update = {"waited_seconds": spent, "waiting_since": None}',
        'update = {"waited_seconds": 0, "waiting_since": None}',
    ),
    Mutant(
        "evidence is counted twice",
        "evidence.py",
        "        readings=(*read.values(), *silent)[:_MOST_SOURCES],",
        "        readings=before.readings,",
    ),
    Mutant(
        "a gateway pod that was silent is counted twice",
        "evidence.py",
        "readings=(*read.values(), *silent)[:_MOST_SOURCES]",
        "readings=tuple(read.values())",
    ),
    Mutant(
        "what was counted before the attempt is evidence",
        "evidence.py",
        "taken_at=exact_stamp(now), readings=tuple(map(_kept, readings)))",
        "taken_at=exact_stamp(now))",
    ),
    Mutant(
        "in the bake copies are no evidence",
        "evidence.py",
        "stable=_tries(before, readings, previous.revision, Arm.SHADOW),",
        "stable=_tries(before, readings, previous.revision, Arm.USERS),",
    ),
    Mutant(
        "what gates said of the last attempt is kept",
        "attempt.py",
        'update={"history": records, "gates": (), "evidence": None}',
        'update={"history": records}',
    ),
    Mutant(
        "the version before is scaled down in the bake",
        "engine.py",
        "for pointer in (situation.status.stable, situation.status.previous) if pointer]",
        "for pointer in (situation.status.stable,) if pointer]",
    ),
    Mutant(
        "the version before repeats nothing in the bake",
        "wishes.py",
        'update={"rescue": previous, "mirror"',
        'update={"mirror"',
    ),
    Mutant(
        "nothing repeats what a candidate fails",
        "wishes.py",
        '            "rescue": stable.revision,\n',
        "",
    ),
    Mutant(
        "copies go on at rest",
        "attempt.py",
        '        "traffic": wishes.only(situation, stable.revision, *((old.revision,) if old else ())),\n',
        "",
    ),
    Mutant(
        "a promotion that failed is not taken back from its workload",
        "children.py",
        "    return (*forgotten, *(() if",
        "    return (*(() if",
    ),
    Mutant(
        "a promotion is not noted on its workload",
        "children.py",
        "(() if workload.promoted_attempt == number else (marked,))",
        "()",
    ),
    Mutant(
        "the candidate takes its share last, so sticky users move",
        "wishes.py",
        "shares = {candidate.revision: setting.weight, stable.revision: EVERYTHING - setting.weight}",
        "shares = {stable.revision: EVERYTHING - setting.weight, candidate.revision: setting.weight}",
    ),
    Mutant(
        "a bake ends while there is no pod to go back to",
        "bake.py",
        """    if not situation.ready(previous.revision):
        return None
    target""",
        "    target",
    ),
    Mutant(
        "a word for a pause that is over goes on from the next one",
        "trial.py",
        '"step_since": None, "pause_over": False}',
        '"step_since": None}',
    ),
    Mutant(
        "a version that is refused by the store leaves the candidate where it is",
        "trial.py",
        """        case Refused(version=version):
            return version
""",
        """        case Refused():
            return ""
""",
    ),
    Mutant(
        "an attempt ends twice: once promoted, once after its bake",
        "attempt.py",
        "    if old is None or duration.seconds(situation.spec.bake.duration) == 0:",
        "    if old is None:",
    ),
    Mutant(
        "what nobody names is left behind",
        "retirement.py",
        "    status = _with_orphans(status, observation)\n",
        "",
    ),
    Mutant(
        "a rise is taken for what is applied",
        "routing.py",
        "    if traffic is None or not acknowledged(traffic, gateways):\n",
        "    if traffic is None:\n",
    ),
    Mutant(
        "a word acts again in each pass",
        "verbs.py",
        "if text is None or verb.value in standing:",
        "if text is None:",
    ),
    Mutant(
        "a stale word acts",
        "verbs.py",
        "if spoken and word(spoken.attempt, spoken.step) != at:",
        "if spoken and spoken.attempt > situation.status.attempt:",
    ),
    Mutant(
        "what was aborted is tried again",
        "attempt.py",
        "failed = ending.completion in {Completion.ROLLED_BACK, Completion.ABORTED}",
        "failed = ending.completion is Completion.ROLLED_BACK",
    ),
    Mutant(
        "an abort in the bake goes back to pods that are not there",
        "verbs.py",
        '    if not situation.ready(previous.revision):\n        return f"no pod',
        '    if False:\n        return f"no pod',
    ),
    Mutant(
        "a hold outlasts the alias it saw",
        "hold.py",
        "or _moved(hold, named):",
        "or (named is None and _moved(hold, named)):",
    ),
    Mutant(
        "a hold outlasts an edit of the spec",
        "hold.py",
        "hold is None or hold.generation != generation or",
        "hold is None or",
    ),
    Mutant(
        "promote-full is forgotten in the bake",
        "attempt.py",
        "        by_hand=candidate.by_hand,\n",
        "",
    ),
    Mutant(
        "a number is given again after a lost status",
        "adoption.py",
        "attempt = max(status.attempt, *marks, *words.attempts(observation.words), 0)",
        "attempt = status.attempt",
    ),
    Mutant(
        "old words act after a lost status",
        "adoption.py",
        '"handled": words.kept(observation.words)}',
        '"handled": {}}',
    ),
    Mutant(
        "a person's pause does not hold",
        "trial.py",
        'to go on" if candidate.paused else ""',
        'to go on" if candidate.paused and situation.spec.paused else ""',
    ),
    Mutant(
        "an outcome is not told to the registry",
        "outcome.py",
        "items = [*known.unwritten, *(_of(record, sources[record.revision]) for record in ended)]",
        "items = [*known.unwritten]",
    ),
    Mutant(
        "an outcome goes to the model that the spec names now",
        "outcome.py",
        "item.revision not in known or _is_wanted(target, item)}",
        "True}",
    ),
    Mutant(
        "what the registry has is written again",
        "outcome.py",
        "if _outcome_entry(item) not in done)",
        "if True)",
    ),
    Mutant(
        "the live alias stays where it was first",
        "outcome.py",
        """        return known
    return wanted
""",
        """        return known
    return known or wanted
""",
    ),
)
