"""The short form of the suite, one test for each fault: what scripts/chaos --short runs."""

import os
import random
from concurrent.futures import ThreadPoolExecutor

import pytest
import sabotage
from chaos import AT_ONCE_WHEN_SHORT, attempt, hindrance
from fault import REGISTER
from trial import Options

SEED = int(os.environ.get("PARLEY_CHAOS_SEED", random.randrange(1_000_000)))


@pytest.fixture(scope="module")
def results(request):
    """All faults that were chosen, two at once, in the order of the tests; each test waits for its own."""
    chosen = [item for item in request.session.items if getattr(item, "originalname", None) == "test_fault"]
    names = [item.callspec.params["name"] for item in chosen]
    with ThreadPoolExecutor(AT_ONCE_WHEN_SHORT) as pool:
        yield {
            name: pool.submit(attempt, REGISTER[name], Options(seed=SEED, runs=REGISTER[name].short, is_quiet=True))
            for name in names
            if REGISTER[name].short and not hindrance(REGISTER[name])
        }
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("name", [name for name, fault in REGISTER.items() if fault.short])
def test_fault(name, results):
    fault = REGISTER[name]
    if reason := hindrance(fault):
        pytest.skip(reason)
    result = results[name].result()
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
