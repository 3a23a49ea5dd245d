"""The register of faults. Each is one function that gets a `Trial`; the modules faults_*.py hold them."""

from dataclasses import dataclass, field
from typing import Callable

REGISTER = {}


@dataclass(frozen=True)
class Fault:
    """A way in which things break."""

    name: str
    # What is done, and what the column "recovery" times: for docs/reliability.md.
    does: str
    timed: str
    run: Callable
    # Runs of a full and of a short suite; 0 leaves it out.
    runs: int
    short: int
    # Cannot be tried without Redis.
    needs_redis: bool = False
    # Is about one node, with or without Redis.
    alone: bool = False
    # Needs a Redis but no nodes.
    bare: bool = False
    # "plain" (nothing kept over a restart), "aof", or "sentinel".
    redis: str = "plain"
    # Nodes reach Redis through a proxy each.
    proxied: bool = False
    # Nodes reach the model server through a relay that breaks answers.
    relays_model: bool = False
    environment: dict = field(default_factory=dict)
    # The promise about the time, in seconds, if there is one.
    goal: float = None
    # A reason why it cannot be tried here, or None.
    hindrance: Callable = lambda: None


def fault(name, **members):
    """Registers a function as a fault; its docstring says what is done."""

    def register(function):
        does = " ".join(function.__doc__.split())
        REGISTER[name] = Fault(name=name, does=does, run=function, **members)
        return function

    return register
