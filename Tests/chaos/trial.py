"""One fault tried many times: the world that it needs, the stories told in it, and what comes out."""

import random
import shutil
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from cluster import UP, Cluster, understands
from fault_proxy import ProxyLoop
from model_relay import ModelRelay
from parley_process import scripted_model
from people import Journal, NotDone, User
from readers import EventsReader, SocketReader
from redis_server import Redis, SentinelGroup
from screen import Positions, Screen, Violations, words

# No answer of a trial takes so long, whatever happens to it.
STORY_SECONDS = 90.0
WORST_SHOWN = 8


@dataclass
class Options:
    """How a fault is tried."""

    seed: int = 0
    runs: int = 1
    only_round: int = None
    sabotage: str = None
    keeps: bool = False
    nodes: int = 3
    is_quiet: bool = False


@dataclass
class Story:
    """One answer in the making, with its readers."""

    turn: str
    conversation: str
    owner: object
    readers: list
    expected: str
    started: float = field(default_factory=time.monotonic)

    @property
    def is_finished(self):
        return all(reader.is_finished for reader in self.readers)

    @property
    def shown(self):
        """The most that a reader shows, in characters."""
        return max(len(reader.screen.text) for reader in self.readers)


class Trial:
    """A fault at work. A fault's function gets one, tells stories, breaks things, and lets them settle."""

    def __init__(self, fault, options):
        self.fault = fault
        self.options = options
        self.violations = Violations()
        self.recoveries = []
        self.notes = {}
        self.runs = 0
        self.round = 0
        self.chance = random.Random(options.seed)
        self.folder = Path(tempfile.mkdtemp(prefix=f"parley-chaos-{fault.name}-"))
        self.journal = Journal()
        self.cluster = self.redis = self.proxies = self.relay = self.model = None
        self.is_clustered = understands("--redis-url") and not fault.alone
        self._closing = []

    # The world

    def build(self):
        if self.fault.bare:
            self.redis = self._keep(Redis(self.folder / "redis"), "close")
            return
        self.model = self._keep(scripted_model(), "kill")
        port = self.model.port
        if self.fault.relays_model:
            self.relay = self._keep(ModelRelay(port), "close")
            port = self.relay.port
        if self.is_clustered:
            if self.fault.redis == "sentinel":
                self.redis = self._keep(SentinelGroup(self.folder / "redis"), "close")
            else:
                self.redis = self._keep(Redis(self.folder / "redis", keeps_log=self.fault.redis == "aof"), "close")
        if self.fault.proxied and self.is_clustered:
            self.proxies = self._keep(ProxyLoop(), "close")
        count = self.options.nodes if self.is_clustered else 1
        self.cluster = self._keep(
            Cluster(self.folder, count, port, self.redis, self.proxies, self.fault.environment), "close"
        )
        self.user = self.person(0)

    def _keep(self, thing, end):
        self._closing.append(getattr(thing, end))
        return thing

    def person(self, number):
        return User(self.cluster, self.journal, self.violations, seed=f"{self.options.seed}:{number}")

    def close(self):
        for end in reversed(self._closing):
            end()
        if self.options.keeps or (self.violations and not self.options.sabotage):
            print(f"    what the nodes said is in {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    # Rounds

    def rounds(self, size):
        """Numbers of rounds until there were enough runs; each with a seed of its own, so that it can be repeated."""
        if self.options.only_round is not None:
            yield self._begin(self.options.only_round)
            return
        number = 0
        while self.runs < self.options.runs and "died" not in self.violations.kinds:
            yield self._begin(number)
            number += 1
            self.say(f"round {number}: {self.runs} of {self.options.runs} runs, {len(self.violations)} violations")
            assert number < 20 * self.options.runs + 20, f"{self.fault.name} never counts a run of {size}"

    def _begin(self, number):
        self.round = number
        self.chance = random.Random(f"{self.options.seed}:{self.fault.name}:{number}")
        self.cluster.revive()
        return number

    def count(self, runs=1):
        self.runs += runs

    def recovered(self, seconds, goal=None, what="recovery"):
        """Notes how long a recovery took; None when it was not seen, which is no violation by itself."""
        if seconds is None:
            return
        self.recoveries.append(seconds)
        if goal is not None and seconds > goal:
            self.violate("late", f"{what} took {seconds:.2f} s, promised are {goal:.2f} s")

    def violate(self, kind, detail):
        self.violations.add(kind, f"round {self.round}: {detail}")

    def note(self, name, value=1):
        self.notes[name] = self.notes.get(name, 0) + value

    def say(self, text):
        if not self.options.is_quiet:
            print(f"    {text}", flush=True)

    # Stories

    def story(self, node, reader_nodes, length=150, pace_ms=30, model=None, expected=None, user=None):
        """Sends a message to a node and follows the answer at each of the others, over both transports by turns."""
        user = user or self.user
        model = model or f"scripted-itl{pace_ms}-len{length}"
        conversation = user.conversation(model=model)
        over_socket = self.chance.random() < 0.5
        turn = user.send(
            conversation, f"Tell me story {self.chance.random()}.", node, over_socket=over_socket, repeats=0.2
        )
        if expected is None:
            expected = words(length)
        positions = Positions()
        readers = []
        first = self.chance.randrange(2)
        for number, place in enumerate(reader_nodes):
            kind = (EventsReader, SocketReader)[(first + number) % 2]
            name = f"round {self.round}: turn {turn['id']} at {place.name} over {kind.transport}"
            screen = Screen(name, self.violations, positions, expected)
            readers.append(
                kind(
                    user, turn["id"], screen, place, seed=f"{self.options.seed}:{turn['id']}:{number}",
                    sabotage=self.options.sabotage if number == 0 else None, deadline=time.monotonic() + STORY_SECONDS,
                )
            )
        for reader in readers:
            reader.start()
        return Story(turn["id"], conversation, node, readers, expected)

    def wait_for_text(self, stories, least=1, patience=20.0):
        """Waits until every reader of these shows something."""
        for story in stories:
            for reader in story.readers:
                if not reader.wait_until(lambda r: len(r.screen.text) >= least, patience):
                    if not reader.is_finished:
                        self.violate("stuck", f"{reader.screen.name} shows nothing after {patience} s")

    def underway(self, stories, longest=None):
        """Waits until every reader shows something, and up to so many seconds more. Returns those that still run."""
        self.wait_for_text(stories)
        if longest is not None:
            self.pause(0, longest)
        return [story for story in stories if not story.is_finished]

    def settle(self, stories, may_fail=False, patience=STORY_SECONDS):
        """Waits for the end of each story and checks it against the database and against every node."""
        end = time.monotonic() + (8.0 if self.options.sabotage else patience)
        for story in stories:
            for reader in story.readers:
                reader.join(timeout=max(0.0, end - time.monotonic()))
            self._check(story, may_fail)
        for node in self.cluster.died():
            self.violate("died", f"{node} ended by itself; see {node.log_path}")
        self.journal.check(self.cluster, self.violations)

    def _check(self, story, may_fail):
        for reader in story.readers:
            if not reader.is_finished:
                self.violate("stuck", f"{reader.screen.name} is at {reader.screen.last} of an answer without an end")
                reader.end()
            self.note("characters taken back", reader.screen.taken_back)
            self.note("reconnections", max(0, len(reader.connections) - 1))
        # A terminal event follows the commit, so the database has it at once.
        stored = self.cluster.turn(story.turn)
        if stored is None:
            self.violate("lost", f"turn {story.turn} is not in the database")
            return
        for reader in story.readers:
            reader.screen.check_end(stored)
        if any(reader.is_finished for reader in story.readers):
            if stored["state"] != stored["messageState"]:
                self.violate("end", f"turn {story.turn} is {stored['state']}, its message {stored['messageState']}")
            if stored["state"] != "completed" and not may_fail:
                self.violate("end", f"turn {story.turn} ended as {stored['state']}")
        self._check_nodes(story, stored)

    def _check_nodes(self, story, stored):
        """Every node says the same of a turn that has ended."""
        for node in self.cluster.nodes:
            if node.state != UP:
                continue
            try:
                turn = self.user.request("GET", f"/api/turns/{story.turn}", node=node)["turn"]
            except NotDone as error:
                self.violate("failed", str(error))
                continue
            if story.is_finished and (turn["state"], turn["text"]) != (stored["state"], stored["text"]):
                self.violate("end", f"{node} says of turn {story.turn} otherwise than the database")

    def takeover_times(self, stories, since, readers=lambda reader: True):
        """The seconds from `since` to the first event of a later epoch, for each reader that was in mid-answer."""
        for story in stories:
            for reader in filter(readers, story.readers):
                before = [arrival for arrival in reader.arrivals if arrival[0] <= since]
                epoch = before[-1][2] if before else 1
                yield reader, reader.first_arrival(since, lambda arrival: arrival[2] > epoch)

    def pick(self, *without):
        """A node that is up."""
        return self.chance.choice(self.cluster.others(*without) or self.cluster.up)

    def pause(self, least, most):
        time.sleep(self.chance.uniform(least, most))
