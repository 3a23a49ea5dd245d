"""Starts the real programs and talks to them, with nothing but the standard library."""

import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Program:
    """A program that says on standard output where it listens; it is ended by its process id.

    What it logs goes to the file `log`, or is dropped.
    """

    def __init__(self, command, marker, env=None, patience=30.0, log=None):
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log or subprocess.DEVNULL, text=True,
            env={**os.environ, **(env or {})},
        )
        timer = threading.Timer(patience, self.process.kill)
        timer.start()
        self.port = None
        for line in self.process.stdout:
            if marker in line:
                self.port = int(line.rsplit(":", 1)[1])
                break
        timer.cancel()
        assert self.port, f"{command[0]} did not say where it is"
        # Nobody reads what else it says, and a full pipe would hold it up.
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def kill(self):
        return self._end(signal.SIGKILL, patience=10)

    def terminate(self, patience=40):
        """Shuts it down in order; returns its exit code."""
        return self._end(signal.SIGTERM, patience)

    def _end(self, how, patience):
        # Nothing is sent to one that has ended.
        self.process.send_signal(how)
        return self.process.wait(timeout=patience)


def scripted_model():
    return Program([os.environ["SCRIPTED_MODEL_BIN"], "--port", "0"], "listening on")


def serve(folder, port, model_port=None, *flags, env=None):
    """`parley serve`; without a model port the local model answers."""
    variables = {"OPENAI_API_KEY": "", "OPENAI_BASE_URL": "", **(env or {})}
    if model_port:
        variables.update(OPENAI_BASE_URL=f"http://127.0.0.1:{model_port}/v1", OPENAI_API_KEY="test")
    command = [os.environ["PARLEY_BIN"], "serve", "--port", str(port), "--data-dir", str(folder), *flags]
    return Program(command, "Parley is at", env=variables)


class Client:
    """A signed-in client that survives the death of the server."""

    def __init__(self, port):
        self.port = port
        self.cookie = None
        self.request("POST", "/api/session", {})

    def request(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            headers = {"Content-Type": "application/json"}
            if self.cookie:
                headers["Cookie"] = self.cookie
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            if response.getheader("Set-Cookie"):
                self.cookie = response.getheader("Set-Cookie").split(";")[0]
            data = response.read()
            return response.status, json.loads(data) if data else None
        finally:
            connection.close()

    def conversation(self, **members):
        return self.request("POST", "/api/conversations", members)[1]["id"]

    def send(self, conversation, content, **members):
        status, body = self.request(
            "POST", f"/api/conversations/{conversation}/messages", {"content": content, **members}
        )
        assert status == 202, body
        return body["turn"]


class Reader:
    """Shows a turn by the rule of the wire: drop what was seen, obey `replace`, never leave a gap."""

    def __init__(self, client, turn):
        self.client = client
        self.turn = turn
        self.last = (0, 0)
        self.text = ""
        self.finished = None
        self.replaced = 0

    def apply(self, event):
        position = tuple(map(int, event["id"].split("-")))
        if position <= self.last:
            return
        if event["type"] == "replace":
            assert event["from"] <= len(self.text)
            self.text = self.text[: event["from"]] + event["text"]
            self.replaced += 1
        else:
            expected = self.last[1] + 1 if position[0] == self.last[0] else 1
            assert position[1] == expected, f"a gap: {event['id']} after {self.last}"
            if event["type"] == "delta":
                self.text += event["text"]
            elif event["type"] in ("completed", "stopped", "failed"):
                self.finished = event
        self.last = position

    def read(self, until=None, patience=60.0):
        """Reads over one connection until the end, the death of the server, or `until(self)`."""
        connection = http.client.HTTPConnection("127.0.0.1", self.client.port, timeout=patience)
        try:
            headers = {"Cookie": self.client.cookie}
            if self.last != (0, 0):
                headers["Last-Event-ID"] = f"{self.last[0]}-{self.last[1]}"
            connection.request("GET", f"/api/turns/{self.turn}/events", headers=headers)
            response = connection.getresponse()
            assert response.status == 200, response.read()
            for line in response:
                if line.startswith(b"data: "):
                    self.apply(json.loads(line[6:]))
                    if self.finished or (until and until(self)):
                        return
        except (ConnectionError, http.client.HTTPException, TimeoutError):
            return
        finally:
            connection.close()


def wait_until_ready(port, patience=20.0):
    """Returns the seconds until `/readyz` says 200."""
    start = time.monotonic()
    while time.monotonic() - start < patience:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return time.monotonic() - start
        except OSError:
            pass
        time.sleep(0.005)
    raise AssertionError("not ready in time")
