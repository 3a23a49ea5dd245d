"""Readers of a turn over server-sent events and over a WebSocket, which connect again as the page does (live.js)."""

import http.client
import json
import random
import threading
import time

from sabotage import relay
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.sync.client import connect

# The page's waits before it connects again.
FIRST_WAIT_SECONDS = 0.4
LONGEST_WAIT_SECONDS = 15.0
# The page asks a silent socket for a sign of life after 25 s and waits 10 s for it. Here both are shorter, so that a
# run does not take minutes; over server-sent events silence without a comment counts likewise.
PING_AFTER_SECONDS = 5.0
PONG_WITHIN_SECONDS = 5.0
SILENCE_SECONDS = 20.0
CONNECT_SECONDS = 5.0
# How long a socket is listened to after the end: nothing may follow.
AFTER_END_SECONDS = 0.1


class Lost(Exception):
    """The connection is gone: connect again, after so many seconds if the server named a wait."""

    def __init__(self, wait=None, refused=False):
        super().__init__("lost")
        self.wait = wait
        self.refused = refused


class Reader(threading.Thread):
    """Follows one turn to its end. What it shows is checked event by event."""

    transport = "?"

    def __init__(self, user, turn, screen, node, seed=0, sabotage=None, deadline=None):
        super().__init__(daemon=True)
        self.user = user
        self.turn = turn
        self.screen = screen
        self.node = node
        self.chance = random.Random(seed)
        self.relay = relay(sabotage)
        self.deadline = deadline or time.monotonic() + 120
        # (time, node, epoch, type) of each event that was applied.
        self.arrivals = []
        # (time, node) of each connection that was made.
        self.connections = []
        self.changed = threading.Condition()
        self.stops = threading.Event()
        self.error = None

    @property
    def is_finished(self):
        return self.screen.finished is not None

    def run(self):
        try:
            self._run()
        except Exception as error:  # a defect of the reader: shown as what it is, never hidden in a thread
            self.error = error
            self.screen.violations.add("stuck", f"{self.screen.name}: the reader itself failed: {error!r}")

    def _run(self):
        attempt = 0
        while not self.is_finished and not self.stops.is_set() and time.monotonic() < self.deadline:
            seen = len(self.arrivals)
            wait = None
            try:
                self.follow()
            except Lost as lost:
                wait = lost.wait
                if lost.refused:
                    attempt += 1
            except (OSError, http.client.HTTPException, WebSocketException):
                attempt += 1
            if self.is_finished:
                return
            if len(self.arrivals) > seen:
                attempt = 0
            if wait is None:
                longest = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** min(attempt, 3))
                wait = longest / 2 + self.chance.random() * longest / 2
            self.stops.wait(wait)
            # A load balancer would not send it to a node that is known to be down.
            others = self.user.cluster.others(self.node) or self.user.cluster.up or [self.node]
            self.node = self.chance.choice(others)

    def connected(self):
        with self.changed:
            self.connections.append((time.monotonic(), self.node))
            self.changed.notify_all()

    def take(self, wire_event):
        """Applies an event of the wire.

        - Raises: Lost after a gap: like the page, it asks again from its position.
        """
        for event in self.relay(wire_event):
            outcome = self.screen.apply(event)
            if outcome == "gap":
                raise Lost(wait=0)
            if outcome == "applied":
                with self.changed:
                    self.arrivals.append((time.monotonic(), self.node, self.screen.last[0], event["type"]))
                    self.changed.notify_all()

    @property
    def after(self):
        return None if self.screen.last == (0, 0) else "%d-%d" % self.screen.last

    def wait_until(self, condition, patience):
        """Whether `condition(self)` came true in time."""
        with self.changed:
            return self.changed.wait_for(lambda: self.is_finished or condition(self), timeout=patience) and condition(self)

    def end(self):
        self.stops.set()

    def first_arrival(self, since, condition=lambda arrival: True):
        """The seconds from `since` to the first event that meets the condition; None when there was none."""
        times = [arrival[0] for arrival in self.arrivals if arrival[0] > since and condition(arrival)]
        return times[0] - since if times else None

    def longest_silence(self, start, end):
        """The longest time without an event between two moments, in seconds."""
        times = [start, *(arrival[0] for arrival in self.arrivals if start < arrival[0] < end), end]
        return max(later - earlier for earlier, later in zip(times, times[1:]))

    def follow(self):
        raise NotImplementedError


class EventsReader(Reader):
    """Over server-sent events, resuming by `Last-Event-ID` or `?after=`."""

    transport = "sse"

    def follow(self):
        cookie = self.user.cookie
        connection = http.client.HTTPConnection("127.0.0.1", self.node.port, timeout=CONNECT_SECONDS)
        try:
            path, headers = f"/api/turns/{self.turn}/events", {"Cookie": cookie}
            if self.after and self.chance.random() < 0.5:
                path += f"?after={self.after}"
            elif self.after:
                headers["Last-Event-ID"] = self.after
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            if response.status != 200:
                response.read()
                if response.status == 401:
                    self.user.sign_in(stale=cookie)
                raise Lost(refused=True)
            self.connected()
            if connection.sock:
                connection.sock.settimeout(SILENCE_SECONDS)
            for line in response:
                if line.startswith(b"data: "):
                    self.take(json.loads(line[6:]))
                    if self.is_finished:
                        return
                if self.stops.is_set() or time.monotonic() > self.deadline:
                    return
            raise Lost()
        finally:
            connection.close()


class SocketReader(Reader):
    """Over a WebSocket, resuming by `subscribe` with `after`; moves over when the server says that it is going away."""

    transport = "ws"

    def follow(self):
        cookie = self.user.cookie
        try:
            socket = connect(
                f"ws://127.0.0.1:{self.node.port}/api/ws", additional_headers={"Cookie": cookie},
                open_timeout=CONNECT_SECONDS, close_timeout=0.5, max_size=2**24, ping_interval=None,
            )
        except InvalidStatus as refusal:
            if refusal.response.status_code == 401:
                self.user.sign_in(stale=cookie)
            raise Lost(refused=True) from refusal
        with socket:
            self.connected()
            subscription = {"type": "subscribe", "turnID": self.turn}
            if self.after:
                subscription["after"] = self.after
            socket.send(json.dumps(subscription))
            self._listen(socket)

    def _listen(self, socket):
        moves_at, waits_for_pong = None, False
        while not self.stops.is_set() and time.monotonic() < self.deadline:
            patience = PONG_WITHIN_SECONDS if waits_for_pong else PING_AFTER_SECONDS
            if moves_at is not None:
                patience = max(0.0, min(patience, moves_at - time.monotonic()))
            try:
                frame = json.loads(socket.recv(timeout=patience))
            except TimeoutError:
                if moves_at is not None and time.monotonic() >= moves_at:
                    raise Lost(wait=0) from None
                if waits_for_pong:
                    raise Lost() from None
                socket.send('{"type":"ping"}')
                waits_for_pong = True
                continue
            except ConnectionClosed:
                raise Lost(wait=max(0.0, moves_at - time.monotonic()) if moves_at else None) from None
            waits_for_pong = False
            if frame["type"] == "goingAway":
                moves_at = time.monotonic() + frame["reconnectAfterMs"] / 1000
            elif frame["type"] == "error":
                raise Lost(refused=True)
            elif "turnID" in frame:
                self.take(frame)
                if self.is_finished:
                    return self._listen_after_end(socket)
        return None

    def _listen_after_end(self, socket):
        try:
            frame = json.loads(socket.recv(timeout=AFTER_END_SECONDS))
        except (TimeoutError, ConnectionClosed):
            return
        if "turnID" in frame:
            self.screen.apply(frame)
