"""What works across nodes: stopping, signing out, limits."""

import json
import threading
import time

from fault import fault
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

STOP_GOAL_SECONDS = 1.0
REVOKE_GOAL_SECONDS = 1.0
# After so long nothing will come any more.
STOP_PATIENCE_SECONDS = 10.0
CLOSE_PATIENCE_SECONDS = 10.0


@fault(
    "stop-from-another-node", timed="from the request to `stopped`, at each reader", runs=60, short=3,
    goal=STOP_GOAL_SECONDS,
)
def stop_from_another_node(trial):
    """A stop is sent to another node than the one that makes the answer, over HTTP or a socket."""
    for _ in trial.rounds(3):
        owner = trial.pick()
        stories = [trial.story(owner, [owner, trial.pick(owner)], length=400) for _ in range(3)]
        trial.wait_for_text(stories)
        trial.pause(0, 1.0)
        for story in stories:
            node = trial.pick(owner)
            start = time.monotonic()
            send_stop(trial, story, node)
            for reader in story.readers:
                reader.join(timeout=STOP_PATIENCE_SECONDS)
                seconds = reader.first_arrival(start, lambda arrival: arrival[3] == "stopped")
                if seconds is None:
                    trial.violate("late", f"{reader.screen.name} was not stopped")
                trial.recovered(seconds, STOP_GOAL_SECONDS, f"stop at {reader.screen.name}")
        trial.settle(stories, may_fail=True)
        trial.count(len(stories))


def send_stop(trial, story, node):
    if trial.chance.random() < 0.5:
        trial.user.request("POST", f"/api/turns/{story.turn}/stop", node=node)
        return
    with socket_of(trial.user, node) as socket:
        socket.send(json.dumps({"type": "stop", "turnID": story.turn}))
        story.readers[0].wait_until(lambda reader: reader.is_finished, STOP_PATIENCE_SECONDS)


def socket_of(user, node):
    return connect(
        f"ws://127.0.0.1:{node.port}/api/ws", additional_headers={"Cookie": user.cookie}, open_timeout=10, close_timeout=0.5
    )


def wait_for_close(socket, patience, into):
    """Notes the moment at which the other side closed."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        try:
            socket.recv(timeout=end - time.monotonic())
        except TimeoutError:
            return
        except ConnectionClosed:
            into.append(time.monotonic())
            return


@fault(
    "session-revoke", timed="from the request to the close of each socket", runs=60, short=4, goal=REVOKE_GOAL_SECONDS
)
def session_revoke(trial):
    """A session with sockets at every node ends: its owner signs out at one node, or revokes it from another session.
    All its sockets are closed and no node knows it any more; the other session's socket stays."""
    for number in trial.rounds(1):
        person, other = trial.person(2 * number + 1), trial.person(2 * number + 2)
        sockets = [socket_of(person, node) for node in trial.cluster.nodes]
        stays = socket_of(other, trial.pick())
        closed = [[] for _ in sockets]
        threads = [
            threading.Thread(target=wait_for_close, args=(socket, CLOSE_PATIENCE_SECONDS, into), daemon=True)
            for socket, into in zip(sockets, closed)
        ]
        for thread in threads:
            thread.start()
        node = trial.pick()
        start = time.monotonic()
        end_session(trial, person, other, node, by_other=number % 2 == 1)
        for thread, into, place in zip(threads, closed, trial.cluster.nodes):
            thread.join(timeout=CLOSE_PATIENCE_SECONDS + 2)
            if not into:
                trial.violate("late", f"the socket at {place} stayed open after the end of its session")
            else:
                trial.recovered(into[0] - start, REVOKE_GOAL_SECONDS, f"closing the socket at {place}")
        for place in trial.cluster.nodes:
            status, _, _ = person.exchange(place, "GET", "/api/session")
            if status != 401:
                trial.violate("end", f"{place} answers a revoked session with {status}")
            try:
                socket_of(person, place).close()
                trial.violate("end", f"{place} opens a socket for a revoked session")
            except InvalidStatus:
                pass
        stays.send('{"type":"ping"}')
        if json.loads(stays.recv(timeout=5))["type"] != "pong":
            trial.violate("end", "the socket of another session does not answer")
        stays.close()
        trial.count()


def end_session(trial, person, other, node, by_other):
    """Signs out, or revokes the session from another of the same user, where that exists."""
    if by_other:
        status, before, _ = person.exchange(node, "GET", "/api/sessions")
        if status == 200:
            current = next(entry["id"] for entry in before["sessions"] if entry["current"])
            other.request("DELETE", f"/api/sessions/{current}", node=node)
            trial.note("revoked by another session")
            return
    person.exchange(node, "DELETE", "/api/session")
