"""Nodes that die, sleep, are restarted, or whose clock jumps."""

import shutil
import struct
import subprocess
import threading
import time
from pathlib import Path

from cluster import LEASE_SECONDS, TAKEOVER_GOAL_SECONDS
from fault import fault
from people import NotDone

STORIES_AT_ONCE = 5
# The drain of Cluster's environment; then an answer that still runs is handed over.
DRAIN_SECONDS = 2.0
# From the end of the drain to the first event of the successor, as a reader sees it: "at once" and not after the lease.
# It has the reader's own way to another node in it.
HANDOVER_GOAL_SECONDS = 3.0
# Users who write without a pause while nodes are restarted.
WRITERS = 3


def told_at(trial, node, count):
    """Stories told by one node to readers at others, and one in three times at itself."""
    stories = []
    for _ in range(count):
        places = [trial.pick(node), trial.pick()]
        stories.append(trial.story(node, places, length=trial.chance.randint(120, 220)))
    return stories


@fault(
    "kill-owner", timed="from the kill to the first event of the successor, at each reader", runs=200, short=5,
    goal=TAKEOVER_GOAL_SECONDS,
)
def kill_owner(trial):
    """`kill -9` of the node that makes the answer, at a random moment; in one of four rounds its successor too."""
    for _ in trial.rounds(STORIES_AT_ONCE):
        node = trial.pick()
        stories = told_at(trial, node, min(STORIES_AT_ONCE, max(1, trial.options.runs - trial.runs)))
        running = trial.underway(stories, 2.0)
        start = time.monotonic()
        node.kill()
        if not trial.is_clustered:
            node.start()
        if trial.is_clustered and trial.chance.random() < 0.25:
            second = kill_successor(trial, running, node, start)
            trial.note("successors killed too", second)
        trial.settle(stories)
        for reader, seconds in trial.takeover_times(running, start):
            trial.recovered(seconds, TAKEOVER_GOAL_SECONDS, f"takeover at {reader.screen.name}")
        trial.count(len(running))


def kill_successor(trial, stories, first, since):
    """Kills a node that took over, after the first is back. Returns how many."""
    if not stories or not stories[0].readers[0].wait_until(lambda r: r.screen.last[0] > 1, patience=LEASE_SECONDS + 6):
        return 0
    first.start()
    owner = trial.cluster.owner(stories[0].turn)
    if owner is None or owner is first or stories[0].is_finished:
        return 0
    owner.kill()
    return 1


@fault(
    "stop-owner", timed="from the stop to the first event of the successor, at readers of other nodes", runs=50, short=4,
    needs_redis=True, goal=TAKEOVER_GOAL_SECONDS,
)
def stop_owner(trial):
    """SIGSTOP of the node that makes the answer for longer than its lease, then SIGCONT: it wakes as somebody who has
    been replaced, and must not be heard."""
    for _ in trial.rounds(STORIES_AT_ONCE):
        node = trial.pick()
        stories = told_at(trial, node, min(STORIES_AT_ONCE, max(1, trial.options.runs - trial.runs)))
        running = trial.underway(stories, 1.5)
        start = time.monotonic()
        node.pause()
        # Sometimes it wakes just when its successor begins.
        time.sleep(trial.chance.choice((LEASE_SECONDS + 0.3, LEASE_SECONDS + 1, LEASE_SECONDS + 3)))
        node.resume()
        trial.settle(stories)
        elsewhere = trial.takeover_times(running, start, lambda reader: not was_at(reader, node, start))
        for reader, seconds in elsewhere:
            trial.recovered(seconds, TAKEOVER_GOAL_SECONDS, f"takeover at {reader.screen.name}")
        trial.count(len(running))


def was_at(reader, node, moment):
    before = [place for time_, place in reader.connections if time_ <= moment]
    return bool(before) and before[-1] is node


@fault("kill-reader-node", timed="from the kill to the next event at readers of that node", runs=60, short=3)
def kill_reader_node(trial):
    """`kill -9` of a node that others' answers are read at."""
    for _ in trial.rounds(3):
        owner = trial.pick()
        node = trial.pick(owner)
        stories = [trial.story(owner, [node, node, trial.pick(node)], length=150) for _ in range(3)]
        running = trial.underway(stories, 2.0)
        affected = [
            reader for story in running for reader in story.readers if was_at(reader, node, time.monotonic())
        ]
        start = time.monotonic()
        node.kill()
        if not trial.is_clustered:
            node.start()
        trial.settle(stories)
        for reader in affected:
            trial.recovered(reader.first_arrival(start))
        trial.count(len(running))


class Writers:
    """Users who write and read without a pause, on threads of their own."""

    def __init__(self, trial, count):
        self.trial = trial
        self.stories = []
        self.ends = threading.Event()
        self.requests = 0
        self.threads = [
            threading.Thread(target=self._write, args=(trial.person(number + 1),), daemon=True)
            for number in range(count)
        ]
        for thread in self.threads:
            thread.start()

    def _write(self, user):
        while not self.ends.is_set():
            try:
                nodes = self.trial.cluster.up
                places = [user.chance.choice(nodes), user.chance.choice(nodes)]
                length = user.chance.randint(60, 160)
                story = self.trial.story(user.chance.choice(nodes), places, length=length, user=user)
                self.stories.append(story)
                for reader in story.readers:
                    while not self.ends.is_set() and reader.is_alive():
                        user.request("GET", "/api/conversations?limit=5")
                        self.requests += 1
                        reader.join(timeout=0.3)
            except NotDone as error:
                self.trial.violate("failed", str(error))
            except IndexError:
                # No node is up: without Redis there is only one.
                self.ends.wait(0.05)

    def end(self):
        self.ends.set()
        for thread in self.threads:
            thread.join(timeout=60)


@fault(
    "rolling-restart", timed="from the end of the drain to the first event of the successor, at each reader",
    runs=20, short=4, goal=HANDOVER_GOAL_SECONDS,
)
def rolling_restart(trial):
    """SIGTERM and start of one node after the other while users write and read without a pause. Answers are longer than
    the drain of 2 s, so many are handed over. Every request must come through, after retries at other nodes."""
    trial.cluster.revive()
    writers = Writers(trial, WRITERS)
    drains = []
    try:
        for number in range(trial.options.runs):
            trial.round = number
            node = trial.cluster.nodes[number % len(trial.cluster.nodes)]
            trial.pause(0.5, 1.5)
            drains.append(time.monotonic())
            code = node.terminate()
            if code is None:
                trial.violate("stuck", f"{node} did not end after SIGTERM")
            elif code != 0:
                trial.violate("died", f"{node} ended with {code} after SIGTERM")
            node.start()
            trial.count()
            trial.say(f"restart {number + 1} of {trial.options.runs}, {len(writers.stories)} answers")
    finally:
        writers.end()
    trial.settle(writers.stories)
    trial.note("answers", len(writers.stories))
    trial.note("requests", writers.requests)
    for story in writers.stories:
        for reader in story.readers:
            for gap in handovers(reader, drains):
                goal = HANDOVER_GOAL_SECONDS if trial.is_clustered else None
                trial.recovered(gap, goal, f"handover at {reader.screen.name}")


def handovers(reader, drains):
    """The silences of a reader between two epochs. A successor that says again what readers have is silent too, so each
    counts from the end of the drain that went before, when that is later than the last event."""
    for earlier, later in zip(reader.arrivals, reader.arrivals[1:]):
        if later[2] > earlier[2]:
            begun = max((moment for moment in drains if moment < later[0]), default=0.0)
            yield max(0.0, later[0] - max(earlier[0], begun + DRAIN_SECONDS))


HOUR = 3600
JUMPS = (HOUR, -HOUR, 40 * 24 * HOUR, -40 * 24 * HOUR)


def compiler():
    return shutil.which("cc") or shutil.which("clang")


def set_clock(trial, node, seconds):
    path = trial.folder / f"{node.name}.clock"
    path.touch()
    # In place: the node has mapped the file, and one that is cut off would end it.
    with path.open("r+b") as file:
        file.write(struct.pack("q", seconds * 1_000_000_000))


@fault(
    "clock-jump", timed="the longest silence of a reader around a jump", runs=20, short=2,
    hindrance=lambda: None if compiler() else "needs a C compiler",
)
def clock_jump(trial):
    """The wall clock of one node jumps by an hour or by forty days, forwards or back, in mid-answer and stays there.
    No lease may be lost by it: the answer must not be begun again."""
    shim = trial.folder / "clock_shim.so"
    source = Path(__file__).with_name("clock_shim.c")
    subprocess.run([compiler(), "-shared", "-fPIC", "-O2", "-o", str(shim), str(source), "-ldl"], check=True, timeout=60)
    for node in trial.cluster.nodes:
        set_clock(trial, node, 0)
        node.extra = {"LD_PRELOAD": str(shim), "CHAOS_CLOCK": str(trial.folder / f"{node.name}.clock")}
        node.kill()
        node.start()
    for _ in trial.rounds(2):
        owner = trial.pick()
        stories = told_at(trial, owner, 2)
        running = trial.underway(stories, 1.5)
        node = trial.chance.choice(trial.cluster.nodes)
        start = time.monotonic()
        jump = trial.chance.choice(JUMPS)
        set_clock(trial, node, jump)
        trial.settle(stories)
        for story in running:
            stored = trial.cluster.turn(story.turn)
            if stored and stored["epoch"] != 1:
                trial.violate("late", f"turn {story.turn} was begun again after a jump of {node}'s clock by {jump} s")
            for reader in story.readers:
                last = reader.arrivals[-1][0] if reader.arrivals else start
                trial.recovered(reader.longest_silence(start, max(start, last)))
        set_clock(trial, node, 0)
        trial.count(len(running))
