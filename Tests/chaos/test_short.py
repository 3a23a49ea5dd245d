"""The short form of the suite, one test for each fault: what scripts/chaos --short runs."""

import os
import random

import pytest
import sabotage
from chaos import attempt, hindrance
from fault import REGISTER
from trial import Options

SEED = int(os.environ.get("PARLEY_CHAOS_SEED", random.randrange(1_000_000)))


@pytest.mark.parametrize("name", list(REGISTER))
def test_fault(name):
    fault = REGISTER[name]
    if reason := hindrance(fault):
        pytest.skip(reason)
    result = attempt(fault, Options(seed=SEED, runs=fault.short, is_quiet=True))
    again = f"PARLEY_CHAOS_SEED={SEED}, or scripts/chaos --fault {name} --seed {SEED}"
    assert not result["found"], f"{result['found'][:10]}; again with {again}"
    assert result["runs"] >= fault.short


@pytest.mark.parametrize("kind", ["drop-silently", "duplicate", "silence"])
def test_a_broken_relay_is_found(kind):
    """The checkers find a relay that lies between a real node and a reader."""
    result = attempt(
        REGISTER["kill-reader-node"], Options(seed=SEED, runs=1, only_round=0, sabotage=kind, is_quiet=True)
    )
    found = {violation for violation, _ in result["found"]}
    assert found & (sabotage.KINDS[kind][1]), result["found"]
