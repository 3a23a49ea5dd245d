"""Real redis-server and redis-sentinel processes on free ports of 127.0.0.1, each in a folder of its own."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from ports import reserve_port

# How long a sentinel waits before it calls a silent master down.
DOWN_AFTER_MS = 1000


class RedisReply(Exception):
    """An error that Redis answered with."""


def encode(words):
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        data = word if isinstance(word, bytes) else str(word).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(data), data))
    return b"".join(parts)


def decode(stream):
    """One reply of RESP2; errors inside of arrays are values."""
    line = stream.readline()
    if not line.endswith(b"\r\n"):
        raise ConnectionError("Redis closed the connection")
    kind, rest = line[:1], line[1:-2]
    if kind == b"+":
        return rest.decode()
    if kind == b"-":
        raise RedisReply(rest.decode())
    if kind == b":":
        return int(rest)
    if kind == b"$":
        return None if rest == b"-1" else stream.read(int(rest) + 2)[:-2].decode(errors="replace")
    assert kind == b"*", line
    return None if rest == b"-1" else [decode(stream) for _ in range(int(rest))]


def call(port, *words, patience=2.0):
    """One command over a connection of its own.

    - Raises: OSError when Redis cannot be reached; RedisReply for an error that it answered with.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=patience) as connection:
        connection.sendall(encode(words))
        with connection.makefile("rb") as stream:
            return decode(stream)


def _wait(condition, what, patience=15.0):
    end = time.monotonic() + patience
    while True:
        try:
            if condition():
                return
        except (OSError, RedisReply):
            pass
        assert time.monotonic() < end, f"in vain waited for: {what}"
        time.sleep(0.01)


class Redis:
    """A redis-server that can be killed and started again on the same port and folder."""

    def __init__(self, folder, keeps_log=False, replica_of=None):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = reserve_port()
        self.keeps_log = keeps_log
        self.replica_of = replica_of
        self.process = None
        self.start()

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def start(self):
        """Starts and waits until it answers; with an append-only file that means: until it has read it."""
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--save", ""]
        options += ["--appendonly", "yes" if self.keeps_log else "no", "--appendfsync", "everysec"]
        options += ["--maxmemory-policy", "noeviction", "--repl-diskless-sync-delay", "0"]
        if self.replica_of:
            options += ["--replicaof", "127.0.0.1", str(self.replica_of)]
        log = open(self.folder / "redis.log", "ab")
        try:
            self.process = subprocess.Popen(["redis-server", *options], stdout=log, stderr=log)
        finally:
            log.close()
        _wait(lambda: self.call("PING") == "PONG", f"redis-server on {self.port}")

    def call(self, *words, patience=2.0):
        return call(self.port, *words, patience=patience)

    def kill(self):
        self.process.kill()
        self.process.wait(timeout=10)

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def forget(self):
        """What a kill without an append-only file loses anyway."""
        if not self.keeps_log:
            shutil.rmtree(self.folder / "appendonlydir", ignore_errors=True)

    def close(self):
        if self.process.poll() is None:
            self.kill()


class SentinelGroup:
    """A master, one replica, and three sentinels of which two must agree."""

    name = "parley"

    def __init__(self, folder):
        self.folder = Path(folder)
        self.servers = [Redis(self.folder / "redis-1")]
        self.processes = []
        self.ports = []
        try:
            self.servers.append(Redis(self.folder / "redis-2", replica_of=self.servers[0].port))
            _wait(
                lambda: "master_link_status:up" in self.servers[1].call("INFO", "replication"), "the replica's link"
            )
            for number in range(3):
                self._start_sentinel(number)
            _wait(self._is_ready, "three sentinels that know each other", patience=30)
        except BaseException:
            self.close()
            raise

    def _start_sentinel(self, number):
        folder = self.folder / f"sentinel-{number}"
        folder.mkdir(parents=True, exist_ok=True)
        port = reserve_port()
        (folder / "sentinel.conf").write_text(
            f"port {port}\nbind 127.0.0.1\ndir {folder}\n"
            f"sentinel monitor {self.name} 127.0.0.1 {self.servers[0].port} 2\n"
            f"sentinel down-after-milliseconds {self.name} {DOWN_AFTER_MS}\n"
            f"sentinel failover-timeout {self.name} 3000\n"
            f"sentinel parallel-syncs {self.name} 1\n"
        )
        with open(folder / "sentinel.log", "ab") as log:
            command = ["redis-server", str(folder / "sentinel.conf"), "--sentinel"]
            self.processes.append(subprocess.Popen(command, stdout=log, stderr=log))
        self.ports.append(port)
        _wait(lambda: call(port, "PING") == "PONG", f"the sentinel on {port}")

    def _is_ready(self):
        for port in self.ports:
            fields = call(port, "SENTINEL", "MASTER", self.name)
            state = dict(zip(fields[::2], fields[1::2]))
            if state["num-other-sentinels"] != "2" or state["num-slaves"] != "1" or state["flags"] != "master":
                return False
        return True

    @property
    def url(self):
        return "redis-sentinel://" + ",".join(f"127.0.0.1:{port}" for port in self.ports) + f"/{self.name}"

    @property
    def master(self):
        """The server that the sentinels call the master."""
        port = int(call(self.ports[0], "SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.name)[1])
        return next(server for server in self.servers if server.port == port)

    def call(self, *words, patience=2.0):
        return self.master.call(*words, patience=patience)

    def fail_over(self, by_kill):
        """Makes the other server the master, and returns once the sentinels say so."""
        old = self.master
        if by_kill:
            old.kill()
        else:
            call(self.ports[0], "SENTINEL", "FAILOVER", self.name)
        _wait(lambda: self.master is not old and "master" in self.master.call("ROLE"), "a new master", patience=30)
        return old

    def mend(self, old):
        """Brings the old master back as a replica, so that the next failover has somewhere to go."""
        if old.process.poll() is not None:
            old.replica_of = self.master.port
            old.start()
        _wait(lambda: "slave" in old.call("ROLE") and "connected" in old.call("ROLE"), "the old master as replica", 30)
        _wait(self._is_ready, "sentinels that see the replica", patience=60)

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait(timeout=10)
        for server in self.servers:
            server.close()


def is_installed():
    return all(shutil.which(name, path=os.environ.get("PATH")) for name in ("redis-server",))
