"""The real program dies in mid-answer, and no user loses a character."""

import os
import random
import subprocess
import threading

import pytest
from parley_process import Client, Reader, free_port, scripted_model, serve, wait_until_ready

RUNS = int(os.environ.get("PARLEY_KILL_RUNS", "12"))


@pytest.fixture(scope="module")
def model():
    program = scripted_model()
    yield program
    program.kill()


@pytest.mark.parametrize("seed", range(RUNS))
def test_kill_in_mid_answer(tmp_path, model, seed):
    """kill -9 at a random moment, once or twice: the reader shows each character once and ends with the stored text."""
    chance = random.Random(seed)
    port = free_port()
    server = serve(tmp_path, port, model.port)
    try:
        client = Client(port)
        conversation = client.conversation(model="scripted-ttft10-itl10-len150")
        turn = client.send(conversation, "Tell me a story.")
        reader = Reader(client, turn["id"])
        for _ in range(chance.randint(1, 2)):
            length = len(reader.text) + chance.randint(0, 400)
            reader.read(until=lambda r: len(r.text) >= length)
            if reader.finished:
                break
            server.kill()
            server = serve(tmp_path, port, model.port)
        while not reader.finished:
            reader.read()
        assert reader.finished["type"] == "completed"
        assert reader.finished["textLength"] == len(reader.text)
        stored = client.request("GET", f"/api/turns/{turn['id']}")[1]["turn"]
        assert stored["text"] == reader.text
        # The same words as from the model server directly: nothing lost, nothing twice.
        status, direct = client.request(
            "POST",
            "/v1/chat/completions",
            {"model": "scripted-len150", "messages": [{"role": "user", "content": "Tell me a story."}]},
        )
        assert status == 200
        assert reader.text == direct["choices"][0]["message"]["content"]
        messages = client.request("GET", f"/api/conversations/{conversation}/messages")[1]["messages"]
        assert [m["state"] for m in messages] == ["completed", "completed"]
        assert messages[1]["content"] == reader.text
        late = Reader(client, turn["id"])
        late.read()
        assert late.text == reader.text
    finally:
        server.kill()


def test_acknowledged_messages_survive(tmp_path, model):
    """Every message that was answered with 202 before a kill -9 is there afterwards."""
    port = free_port()
    server = serve(tmp_path, port, model.port)
    client = Client(port)
    conversation = client.conversation(model="scripted-itl50-len100")
    turns = [client.send(conversation, f"message {number}", parentID=None) for number in range(30)]
    server.kill()
    server = serve(tmp_path, port, model.port)
    try:
        messages = client.request("GET", f"/api/conversations/{conversation}/messages?limit=200")[1]["messages"]
        known = {message["id"] for message in messages}
        assert all(t["userMessageID"] in known and t["assistantMessageID"] in known for t in turns)
        for turn in turns:
            reader = Reader(client, turn["id"])
            while not reader.finished:
                reader.read()
            assert reader.finished["type"] == "completed"
    finally:
        server.kill()


def test_termination_drains(tmp_path, model):
    """SIGTERM lets a running answer come to its end, and the program exits with 0."""
    port = free_port()
    server = serve(tmp_path, port, model.port)
    client = Client(port)
    turn = client.send(client.conversation(model="scripted-itl20-len60"), "hi")
    reader = Reader(client, turn["id"])
    connected = threading.Event()

    def tell(reader):
        if reader.text:
            connected.set()

    rest = threading.Thread(target=reader.read, args=[tell])
    rest.start()
    assert connected.wait(timeout=20)
    assert server.terminate() == 0
    rest.join(timeout=20)
    assert reader.finished and reader.finished["type"] == "completed"


def test_termination_hands_over(tmp_path, model):
    """An answer longer than the drain is handed over: the next process goes on with it at once."""
    port = free_port()
    server = serve(tmp_path, port, model.port, env={"PARLEY_DRAIN_SECONDS": "1"})
    client = Client(port)
    turn = client.send(client.conversation(model="scripted-itl50-len200"), "hi")
    reader = Reader(client, turn["id"])
    reader.read(until=lambda r: r.text)
    assert server.terminate() == 0
    server = serve(tmp_path, port, model.port)
    try:
        while not reader.finished:
            reader.read()
        assert reader.finished["type"] == "completed"
        assert reader.text == client.request("GET", f"/api/turns/{turn['id']}")[1]["turn"]["text"]
    finally:
        server.kill()


def test_a_taken_port_is_said(tmp_path):
    """A second program on the same port says so and ends."""
    port = free_port()
    server = serve(tmp_path / "a", port)
    try:
        second = subprocess.run(
            [os.environ["PARLEY_BIN"], "serve", "--port", str(port), "--data-dir", str(tmp_path / "b")],
            capture_output=True,
            text=True,
            timeout=20,
        )
        assert second.returncode != 0
        assert str(port) in second.stderr
        assert "in use" in second.stderr.lower()
        wait_until_ready(port)
    finally:
        server.kill()
