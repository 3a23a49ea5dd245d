"""A user who sends through any node and tries again, and the journal of what was acknowledged."""

import http.client
import json
import random
import threading
import time
import uuid

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

# Tries of one request, each at another node where there is one, with growing waits.
TRIES = 12
TRY_SECONDS = 10.0
# Answers that say: ask again, here or elsewhere.
AGAIN = (429, 502, 503, 504)


class NotDone(Exception):
    """A request that failed although it was sent again, or was refused."""

    def __init__(self, message, status=None):
        super().__init__(message)
        self.status = status


class Journal:
    """What a client was told is written, and what it tried to write; compared with the database in the end."""

    def __init__(self):
        self.messages = {}
        self.attempted = {}
        self._lock = threading.Lock()

    def attempt(self, id, conversation, content):
        with self._lock:
            self.attempted[id] = (conversation, content)

    def acknowledge(self, id, turn):
        """Notes an acknowledgement. Returns the turn of an earlier one of the same id, if there was any."""
        with self._lock:
            earlier = self.messages.get(id)
            self.messages.setdefault(id, turn["id"])
            return earlier

    def check(self, cluster, violations):
        """Each acknowledged message is there as it was sent, with its turn; none took effect twice."""
        rows = cluster.rows(
            "SELECT hex(m.id), m.content, hex(c.id), hex(t.id) FROM messages m"
            " JOIN conversations c ON c.row = m.conversation LEFT JOIN turns t ON t.user_message = m.position"
            " WHERE m.role = 'user'"
        )
        stored = {}
        for id, content, conversation, turn in rows:
            stored.setdefault(uuid_of(id), []).append((content, uuid_of(conversation), turn and uuid_of(turn)))
        with self._lock:
            for id, turn in self.messages.items():
                found = stored.get(id)
                conversation, content = self.attempted[id]
                if not found:
                    violations.add("lost", f"message {id} was acknowledged and is not in the database")
                elif found[0][:2] != (content, conversation) or all(entry[2] != turn for entry in found):
                    violations.add("lost", f"message {id} was acknowledged and is stored otherwise: {found[0]}")
            for id in self.attempted:
                if len(stored.get(id, [])) > 1:
                    violations.add("double", f"message {id} has {len(stored[id])} turns")


def uuid_of(text):
    return str(uuid.UUID(hex=text))


class User:
    """Signs in wherever it must, and reaches any node that is up."""

    def __init__(self, cluster, journal, violations, seed=0):
        self.cluster = cluster
        self.journal = journal
        self.violations = violations
        self.chance = random.Random(seed)
        self.cookie = None
        self.retries = 0
        self.sign_ins = 0
        self._lock = threading.Lock()
        self.sign_in()

    def sign_in(self, node=None, stale=None):
        """Opens a session, unless somebody else did while the `stale` one was used."""
        with self._lock:
            if stale is not None and self.cookie != stale:
                return
            end = time.monotonic() + 30
            while True:
                nodes = [node] if node else self.cluster.up
                try:
                    status, _, headers = self.exchange(self.chance.choice(nodes or self.cluster.nodes), "POST", "/api/session", {})
                    if status == 201:
                        self.cookie = headers["Set-Cookie"].split(";")[0]
                        self.sign_ins += 1
                        return
                except (OSError, http.client.HTTPException):
                    status = None
                if time.monotonic() > end:
                    raise NotDone(f"signing in was answered with {status} for 30 s", status)
                time.sleep(0.1)

    def exchange(self, node, method, path, body=None, patience=TRY_SECONDS):
        """One request to one node, once."""
        connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=patience)
        try:
            headers = {"Content-Type": "application/json"}
            if self.cookie:
                headers["Cookie"] = self.cookie
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            data = response.read()
            return response.status, json.loads(data) if data else None, response.headers
        finally:
            connection.close()

    def request(self, method, path, body=None, node=None):
        """A request that is tried again, at other nodes, as a load balancer or a page would.

        - Raises: NotDone when it never came through or was refused.
        """
        last = None
        for attempt in range(TRIES):
            nodes = [node] if node and attempt == 0 else self.cluster.up
            cookie = self.cookie
            try:
                if not nodes:
                    raise ConnectionError("no node is up")
                status, answer, _ = self.exchange(self.chance.choice(nodes), method, path, body)
                if status < 400:
                    return answer
                last = f"{status} {json.dumps(answer)[:200]}"
                if status == 401:
                    self.sign_in(stale=cookie)
                elif status not in AGAIN:
                    raise NotDone(f"{method} {path}: {last}", status)
            except (OSError, http.client.HTTPException) as error:
                last = repr(error)
            self.retries += 1
            time.sleep(min(2.0, 0.05 * 2**attempt) * self.chance.uniform(0.5, 1))
        raise NotDone(f"{method} {path}: tried {TRIES} times, last: {last}")

    def conversation(self, **members):
        id = str(uuid.uuid4())
        try:
            self.request("POST", "/api/conversations", {"id": id, **members})
        except NotDone as error:
            # Made by a try whose answer was lost.
            if error.status != 409:
                raise
        return id

    def send(self, conversation, content, node=None, over_socket=False, repeats=0.0, **members):
        """Sends a message under an id of its own until it is acknowledged; returns its turn.

        With a probability of `repeats` it is sent once more after that, as by a client that lost the answer.
        """
        id = str(uuid.uuid4())
        self.journal.attempt(id, conversation, content)
        body = {"id": id, "content": content, **members}
        turn = None
        if over_socket:
            turn = self._send_over_socket(conversation, body, node)
        if turn is None:
            turn = self.request("POST", f"/api/conversations/{conversation}/messages", body, node)["turn"]
        self._acknowledged(id, turn)
        if self.chance.random() < repeats:
            again = self.request("POST", f"/api/conversations/{conversation}/messages", body)["turn"]
            self._acknowledged(id, again)
        return turn

    def _acknowledged(self, id, turn):
        earlier = self.journal.acknowledge(id, turn)
        if earlier not in (None, turn["id"]):
            self.violations.add("double", f"message {id} got turn {turn['id']} after {earlier}")

    def _send_over_socket(self, conversation, body, node):
        node = node or self.chance.choice(self.cluster.up)
        try:
            with connect(
                f"ws://127.0.0.1:{node.port}/api/ws", additional_headers={"Cookie": self.cookie}, open_timeout=TRY_SECONDS
            ) as socket:
                socket.send(json.dumps({"type": "send", "conversationID": conversation, **body}))
                while True:
                    message = json.loads(socket.recv(timeout=TRY_SECONDS))
                    if message["type"] == "accepted":
                        return message["turn"]
                    if message["type"] == "error":
                        return None
        except (OSError, WebSocketException):
            return None
