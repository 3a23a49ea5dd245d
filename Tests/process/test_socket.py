"""The WebSocket of the real program, with an independent client."""

import json
import os
import time
import uuid

import pytest
from parley_process import Client, Reader, free_port, scripted_model, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect


@pytest.fixture(scope="module")
def model():
    program = scripted_model()
    yield program
    program.kill()


@pytest.fixture
def server(tmp_path, model):
    program = serve(tmp_path, free_port(), model.port)
    yield program
    program.kill()


def socket(client, **headers):
    return connect(
        f"ws://127.0.0.1:{client.port}/api/ws",
        additional_headers={"Cookie": client.cookie, **headers},
        max_size=2**24,
        open_timeout=10,
    )


def say(connection, **message):
    connection.send(json.dumps(message))


def hear(connection, *types, patience=20):
    while True:
        message = json.loads(connection.recv(timeout=patience))
        if message["type"] in types:
            return message


def test_send_names_its_collections(server):
    """Collections are named as over REST; one that is not there is told to the sender, and nothing is sent."""
    client = Client(server.port)
    conversation = client.conversation(model="scripted-len5")
    assert client.request("POST", "/api/collections", {"name": "Work"})[0] == 201
    with socket(client) as connection:
        own = str(uuid.uuid4())
        say(connection, type="send", conversationID=conversation, id=own, content="hi", collections=["none"])
        error = hear(connection, "error", "accepted")
        assert error["code"] == "not_found" and error["id"] == own
        say(connection, type="send", conversationID=conversation, id=own, content="hi", collections=["work"])
        assert hear(connection, "accepted", "error")["id"] == own


def test_send_and_follow(server):
    """A message sent over the socket is accepted and its events follow, with the ids of the log."""
    client = Client(server.port)
    conversation = client.conversation(model="scripted-itl5-len40")
    with socket(client) as connection:
        own = str(uuid.uuid4())
        say(connection, type="send", conversationID=conversation, id=own, content="hi")
        accepted = hear(connection, "accepted")
        assert accepted["id"] == own and accepted["turn"]["userMessageID"] == own
        reader = Reader(client, accepted["turn"]["id"])
        while not reader.finished:
            event = json.loads(connection.recv(timeout=20))
            assert event["turnID"] == reader.turn
            reader.apply(event)
        other = Reader(client, reader.turn)
        other.read()
        assert other.text == reader.text
        # The same id again: the same turn.
        say(connection, type="send", conversationID=conversation, id=own, content="hi")
        assert hear(connection, "accepted")["turn"]["id"] == reader.turn


def test_subscribe_after_a_position(server):
    """A reader that changes from SSE to the socket goes on from its position."""
    client = Client(server.port)
    turn = client.send(client.conversation(model="scripted-itl10-len80"), "hi")
    reader = Reader(client, turn["id"])
    reader.read(until=lambda r: len(r.text) > 100)
    with socket(client) as connection:
        say(connection, type="subscribe", turnID=turn["id"], after=f"{reader.last[0]}-{reader.last[1]}")
        while not reader.finished:
            event = json.loads(connection.recv(timeout=20))
            assert tuple(map(int, event["id"].split("-"))) > reader.last
            reader.apply(event)
    assert reader.text == client.request("GET", f"/api/turns/{turn['id']}")[1]["turn"]["text"]


def test_stop(server):
    """Stop is a command and takes effect in well under a second."""
    client = Client(server.port)
    conversation = client.conversation(model="scripted-itl50-len200")
    with socket(client) as connection:
        say(connection, type="send", conversationID=conversation, id=str(uuid.uuid4()), content="hi")
        turn = hear(connection, "accepted")["turn"]["id"]
        hear(connection, "delta")
        start = time.monotonic()
        say(connection, type="stop", turnID=turn)
        hear(connection, "stopped")
        assert time.monotonic() - start < 1


def test_bad_frames_get_errors(server):
    """A bad frame gets `error` and the socket lives on."""
    client = Client(server.port)
    with socket(client) as connection:
        nobody = str(uuid.uuid4())
        for text in [
            "", "{", "[]", "null", "1", "{}", '{"type":1}', '{"type":"what"}', '{"type":"subscribe"}',
            '{"type":"subscribe","turnID":"x"}', json.dumps({"type": "subscribe", "turnID": nobody}),
            json.dumps({"type": "stop", "turnID": nobody}),
            json.dumps({"type": "send", "conversationID": nobody, "content": "x"}),
            json.dumps({"type": "send", "conversationID": nobody, "id": nobody, "content": "\0"}),
            "[" * 5000,
        ]:
            connection.send(text)
            error = json.loads(connection.recv(timeout=10))
            assert error["type"] == "error" and error["code"] and error["message"], (text, error)
        connection.send(b"\x00\x01")
        assert json.loads(connection.recv(timeout=10))["type"] == "error"
        say(connection, type="ping")
        assert json.loads(connection.recv(timeout=10)) == {"type": "pong"}


def test_refusals(server):
    """No session: 401. A page of another origin: 403."""
    client = Client(server.port)
    with pytest.raises(InvalidStatus) as refused:
        connect(f"ws://127.0.0.1:{server.port}/api/ws")
    assert refused.value.response.status_code == 401
    with pytest.raises(InvalidStatus) as refused:
        socket(client, Origin="https://evil.example")
    assert refused.value.response.status_code == 403


def test_flood_is_closed(server):
    """A flood of frames ends the connection with 1008."""
    client = Client(server.port)
    with socket(client) as connection:
        with pytest.raises(ConnectionClosed) as closed:
            for _ in range(20000):
                say(connection, type="ping")
            while True:
                connection.recv(timeout=10)
        assert closed.value.rcvd is None or closed.value.rcvd.code == 1008


def test_signing_out_closes(server):
    """Ending a session closes its sockets within a second."""
    client = Client(server.port)
    with socket(client) as connection:
        client.request("DELETE", "/api/session")
        with pytest.raises(ConnectionClosed):
            connection.recv(timeout=1)


def test_going_away(server):
    """SIGTERM: sockets are told to go elsewhere, then closed with 1001."""
    client = Client(server.port)
    with socket(client) as connection:
        assert server.terminate() == 0
        message = json.loads(connection.recv(timeout=5))
        assert message["type"] == "goingAway" and message["reconnectAfterMs"] >= 0
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(timeout=5)
        assert closed.value.rcvd.code == 1001


def test_the_page_is_lost_and_found(server, model, tmp_path):
    """kill -9 under a socket: connected again, it goes on after its position."""
    client = Client(server.port)
    conversation = client.conversation(model="scripted-itl10-len120")
    with socket(client) as connection:
        say(connection, type="send", conversationID=conversation, id=str(uuid.uuid4()), content="hi")
        reader = Reader(client, hear(connection, "accepted")["turn"]["id"])
        while len(reader.text) < 150:
            reader.apply(json.loads(connection.recv(timeout=20)))
        server.kill()
    again = serve(tmp_path, server.port, model.port)
    try:
        with socket(client) as connection:
            say(connection, type="subscribe", turnID=reader.turn, after=f"{reader.last[0]}-{reader.last[1]}")
            while not reader.finished:
                reader.apply(json.loads(connection.recv(timeout=30)))
        assert reader.text == client.request("GET", f"/api/turns/{reader.turn}")[1]["turn"]["text"]
    finally:
        again.kill()


assert os.environ.get("PARLEY_BIN"), "PARLEY_BIN must name the built program"
