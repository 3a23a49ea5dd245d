"""Limits that all nodes share: never more passes than the limit and its stated overshoot."""

import functools
import http.client
import os
import re
import subprocess
import tempfile
import threading
import time

from fault import fault

# One user may send so many messages a minute, in one burst. The setting must be shown by `parley doctor`.
LIMIT = 30
WINDOW_SECONDS = 60.0
SETTING = "limits.messagesPerMinute"
ENVIRONMENT = {"PARLEY_LIMITS_MESSAGES_PER_MINUTE": str(LIMIT)}
HAMMERS_PER_NODE = 3
SECONDS = 6.0
# What may pass beyond the burst and the refill while Redis goes away and comes back: the nodes' own buckets, which
# begin full, have one burst together; a Redis that forgot everything has another.
OVERSHOOT_BURSTS_WITHOUT_REDIS = 2


@functools.cache
def has_limits():
    with tempfile.TemporaryDirectory() as folder:
        result = subprocess.run(
            [os.environ["PARLEY_BIN"], "doctor"], cwd=folder, capture_output=True, text=True, timeout=60
        )
    return re.search(rf"^\s*{re.escape(SETTING)}\b", result.stdout, re.MULTILINE) is not None


def missing():
    return None if has_limits() else f"this parley has no setting {SETTING}"


class Hammers:
    """Clients of one user who send to every node as fast as they can, and count what passes."""

    def __init__(self, trial):
        self.trial = trial
        self.passed = self.refused = self.other = 0
        self.without_wait = 0
        self.ends = threading.Event()
        self.lock = threading.Lock()
        self.conversation = trial.user.conversation(model="scripted-len1")
        self.start = time.monotonic()
        self.threads = [
            threading.Thread(target=self._send, args=(node,), daemon=True)
            for node in trial.cluster.nodes
            for _ in range(HAMMERS_PER_NODE)
        ]
        for thread in self.threads:
            thread.start()

    def _send(self, node):
        user, path = self.trial.user, f"/api/conversations/{self.conversation}/messages"
        while not self.ends.is_set():
            cookie = user.cookie
            try:
                status, _, headers = user.exchange(node, "POST", path, {"content": "again", "parentID": None})
            except (OSError, http.client.HTTPException):
                status, headers = None, {}
            with self.lock:
                if status == 202:
                    self.passed += 1
                elif status == 429:
                    self.refused += 1
                    self.without_wait += not headers.get("Retry-After")
                else:
                    self.other += 1
            if status == 401:
                user.sign_in(stale=cookie)
            elif status != 202:
                self.ends.wait(0.02)

    def end(self):
        """Returns the seconds that it took."""
        self.ends.set()
        for thread in self.threads:
            thread.join(timeout=20)
        return time.monotonic() - self.start


def check(trial, hammers, seconds, bursts):
    allowed = LIMIT * bursts + LIMIT * seconds / WINDOW_SECONDS + 1
    trial.note("passed", hammers.passed)
    trial.note("refused", hammers.refused)
    if hammers.passed > allowed:
        trial.violate("overshoot", f"{hammers.passed} messages passed in {seconds:.1f} s, at most {allowed:.0f} may")
    if hammers.passed < LIMIT:
        trial.violate("failed", f"only {hammers.passed} messages passed of a limit of {LIMIT}")
    if hammers.without_wait:
        trial.violate("failed", f"{hammers.without_wait} refusals had no Retry-After")
    trial.count()


@fault(
    "rate-limit", timed="nothing is timed", runs=6, short=1, environment=ENVIRONMENT, hindrance=missing,
)
def rate_limit(trial):
    """One user's clients send to all nodes at once as fast as they can: what passes is the burst and what refills
    meanwhile, and not one message more."""
    for _ in trial.rounds(1):
        if trial.redis:
            trial.redis.call("FLUSHALL")
            trial.user.sign_in()
        hammers = Hammers(trial)
        time.sleep(SECONDS)
        check(trial, hammers, hammers.end(), bursts=1)
        if not trial.redis:
            return


@fault(
    "rate-limit-redis-kill", timed="nothing is timed", runs=4, short=1, environment=ENVIRONMENT, hindrance=missing,
    needs_redis=True,
)
def rate_limit_redis_kill(trial):
    """The same while Redis is killed and comes back empty: each node goes by the limit divided by the nodes. At most two
    bursts more pass: the nodes' own together, and that of a Redis that has forgotten."""
    for _ in trial.rounds(1):
        trial.redis.call("FLUSHALL")
        trial.user.sign_in()
        hammers = Hammers(trial)
        trial.pause(1, 2)
        trial.redis.kill()
        trial.pause(2, 4)
        trial.redis.start()
        trial.pause(2, 4)
        check(trial, hammers, hammers.end(), bursts=1 + OVERSHOOT_BURSTS_WITHOUT_REDIS)
