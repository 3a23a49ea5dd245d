"""Several real nodes on one data folder and one Redis, which can be killed, paused, drained and started again."""

import functools
import os
import signal
import sqlite3
import subprocess
import threading
import time
from pathlib import Path

from fault_proxy import FaultProxy
from parley_process import Program, wait_until_ready
from ports import reserve_port
from redis_server import RedisReply

# The figures of DESIGN section 4 that the goals are made of.
LEASE_SECONDS = 6.0
TAKEOVER_GOAL_SECONDS = LEASE_SECONDS + 1.0

UP, PAUSED, DRAINING, DOWN = "up", "paused", "draining", "down"


@functools.cache
def understands(flag):
    """Whether the program knows a flag of `serve`."""
    text = subprocess.run([os.environ["PARLEY_BIN"], "serve", "--help"], capture_output=True, text=True, timeout=30)
    return flag in text.stdout


class Node:
    """One `parley serve`. It keeps its name and port over restarts."""

    def __init__(self, cluster, number, port=None):
        self.cluster = cluster
        self.name = f"node-{number}"
        self.number = number
        self.port = port or reserve_port()
        self.state = DOWN
        self.program = None
        self.proxy = None
        self.starts = 0
        self.extra = {}
        self.log_path = cluster.folder / f"{self.name}.log"

    def __repr__(self):
        return self.name

    def start(self, waits=True):
        self.starts += 1
        flags = ["--port", str(self.port), "--data-dir", str(self.cluster.data), "--node-id", self.name]
        if self.cluster.redis:
            flags += ["--redis-url", self._redis_url()]
            if understands("--advertise"):
                flags += ["--advertise", f"http://127.0.0.1:{self.port}"]
        with open(self.log_path, "ab") as log:
            self.program = Program(
                [os.environ["PARLEY_BIN"], "serve", *flags], "Parley is at", log=log,
                env={**self.cluster.environment, **self.extra},
            )
        self.state = UP
        if waits:
            wait_until_ready(self.port, patience=30)

    def _redis_url(self):
        if not self.cluster.proxies:
            return self.cluster.redis.url
        if self.proxy is None:
            self.proxy = FaultProxy(self.cluster.proxies, lambda: self.cluster.redis.port, seed=self.number)
        return f"redis://127.0.0.1:{self.proxy.port}"

    def kill(self):
        self.state = DOWN
        self.program.kill()

    def pause(self):
        self.state = PAUSED
        self.program.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.program.process.send_signal(signal.SIGCONT)
        self.state = UP

    def terminate(self, patience=30):
        """Drains; returns the exit code, or None when it did not end in time and was killed."""
        self.state = DRAINING
        try:
            return self.program.terminate(patience)
        except subprocess.TimeoutExpired:
            self.program.kill()
            return None
        finally:
            self.state = DOWN

    @property
    def has_died(self):
        """Whether it ended and nobody here ended it."""
        return self.state in (UP, PAUSED) and self.program.process.poll() is not None


class Cluster:
    """The nodes, what they share, and what is known of them from outside."""

    def __init__(self, folder, count, model_port, redis=None, proxies=None, environment=None):
        self.folder = Path(folder)
        self.data = self.folder / "data"
        self.redis = redis
        self.proxies = proxies
        self.environment = {
            "OPENAI_BASE_URL": f"http://127.0.0.1:{model_port}/v1",
            "OPENAI_API_KEY": "test",
            "REDIS_URL": "",
            # Titles, facts and vectors are not what is tried here, and would take the processor from what is.
            "PARLEY_MAKE_TITLES": "false",
            "PARLEY_EMBEDDING_MODEL": "none",
            "PARLEY_DRAIN_SECONDS": "2",
            "PARLEY_LOG_FORMAT": "text",
            **(environment or {}),
        }
        if redis:
            del self.environment["REDIS_URL"]
        self.nodes = [Node(self, number) for number in range(1, count + 1)]
        self.cookie = None
        self.cookie_lock = threading.Lock()
        try:
            for node in self.nodes:
                node.start()
        except BaseException:
            self.close()
            raise

    @property
    def up(self):
        return [node for node in self.nodes if node.state == UP]

    def others(self, *nodes):
        return [node for node in self.up if node not in nodes]

    def owner(self, turn):
        """The node that holds the lease of a turn, as Redis has it; None when it does not say."""
        if not self.redis:
            return self.nodes[0]
        try:
            name = self.redis.call("HGET", "parley:{%s}:lease" % turn, "node")
        except (OSError, RedisReply):
            return None
        return next((node for node in self.nodes if node.name == name), None)

    def rows(self, query, *values):
        """What the database says, past every node."""
        connection = sqlite3.connect(f"file:{self.data / 'parley.db'}?mode=ro", uri=True, timeout=10)
        try:
            return connection.execute(query, values).fetchall()
        finally:
            connection.close()

    def turn(self, id):
        """A turn as the database has it."""
        rows = self.rows(
            "SELECT t.state, t.epoch, t.sequence, t.attempts, m.state, m.content FROM turns t"
            " JOIN messages m ON m.position = t.assistant_message WHERE t.id = ?",
            bytes.fromhex(id.replace("-", "")),
        )
        if not rows:
            return None
        state, epoch, sequence, attempts, message_state, text = rows[0]
        return {
            "state": state, "epoch": epoch, "sequence": sequence, "attempts": attempts, "text": text,
            "messageState": message_state,
        }

    def revive(self):
        """Every node up again."""
        for node in self.nodes:
            if node.state == PAUSED:
                node.resume()
            if node.proxy:
                node.proxy.heal()
            if node.state == DOWN or node.program.process.poll() is not None:
                node.start()

    def died(self):
        return [node for node in self.nodes if node.has_died]

    def close(self):
        for node in self.nodes:
            if node.program and node.program.process.poll() is None:
                node.program.kill()
            if node.proxy:
                node.proxy.close()

    def wait(self, condition, patience=10.0):
        """Whether the condition came true in time."""
        end = time.monotonic() + patience
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True
