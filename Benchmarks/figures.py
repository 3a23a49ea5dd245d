#!/usr/bin/env python3
"""Measures Parley against the scripted model server called directly, on this machine, and prints a table.

    PARLEY_BIN=.build/release/parley SCRIPTED_MODEL_BIN=.build/release/scripted-model Benchmarks/figures.py

Raw sockets and one thread, so that the client adds little. Direct and through Parley are interleaved; medians and 99th
percentiles are of single requests, one at a time.
"""

import base64
import json
import os
import pathlib
import socket
import statistics
import struct
import sys
import tempfile
import time
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "Tests" / "process"))
from parley_process import Client, free_port, scripted_model, serve  # noqa: E402

RUNS = int(os.environ.get("RUNS", "1000"))
SOCKETS = int(os.environ.get("SOCKETS", "190"))


class Wire:
    """One kept connection, spoken to in bytes."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def send(self, method, path, body=b"", headers=""):
        self.socket.sendall(
            f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{headers}"
            f"Content-Length: {len(body)}\r\n\r\n".encode() + body
        )

    def until(self, marker):
        """Reads until the marker; keeps what comes behind it."""
        while marker not in self.buffer:
            more = self.socket.recv(65536)
            if not more:
                raise ConnectionError("closed")
            self.buffer += more
        before, self.buffer = self.buffer.split(marker, 1)
        return before

    def reply(self):
        head = self.until(b"\r\n\r\n").decode().lower()
        length = int(head.split("content-length:")[1].split("\r\n")[0])
        while len(self.buffer) < length:
            self.buffer += self.socket.recv(65536)
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return body

    def upgrade(self, cookie):
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET /api/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nCookie: {cookie}\r\n\r\n".encode()
        )
        assert b"101" in self.until(b"\r\n\r\n").split(b"\r\n")[0]

    def frame(self, text):
        data = text.encode()
        mask = b"\0\0\0\0"
        head = b"\x81" + (bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + struct.pack("!H", len(data)))
        self.socket.sendall(head + mask + data)


def row(name, values, unit="ms"):
    values = sorted(values)
    p50 = statistics.median(values)
    p99 = values[min(len(values) - 1, int(len(values) * 0.99))]
    print(f"| {name} | {p50:.2f} | {p99:.2f} | {unit} |")
    return p50, p99


def timed(start):
    return (time.perf_counter() - start) * 1000


def direct(wire, model):
    body = json.dumps({"model": model, "stream": True, "messages": [{"role": "user", "content": "hi"}]}).encode()
    start = time.perf_counter()
    wire.send("POST", "/v1/chat/completions", body)
    wire.until(b'"content":"w')
    first = timed(start)
    wire.until(b"[DONE]\n\n\r\n0\r\n\r\n")
    return first


def turn_over_sse(posts, events, client, conversation):
    body = json.dumps({"content": "hi", "parentID": None}).encode()
    cookie = f"Cookie: {client.cookie}\r\n"
    start = time.perf_counter()
    posts.send("POST", f"/api/conversations/{conversation}/messages", body, cookie)
    turn = json.loads(posts.reply())["turn"]["id"]
    events.send("GET", f"/api/turns/{turn}/events", b"", cookie)
    events.until(b"event: delta")
    first = timed(start)
    events.until(b"event: completed")
    events.until(b"\r\n0\r\n\r\n")
    return first


def turn_over_socket(wire, conversation):
    message = {"type": "send", "conversationID": conversation, "id": str(uuid.uuid4()), "content": "hi"}
    message["parentID"] = None
    start = time.perf_counter()
    wire.frame(json.dumps(message))
    wire.until(b'"type":"delta"')
    first = timed(start)
    wire.until(b'"type":"completed"')
    wire.until(b"}")
    return first


def memory(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


def cpu(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def start_times():
    times = []
    for _ in range(15):
        with tempfile.TemporaryDirectory() as folder:
            port = free_port()
            start = time.perf_counter()
            server = serve(folder, port)
            while True:
                try:
                    wire = Wire(port)
                    wire.send("GET", "/readyz")
                    if b"200" in wire.until(b"\r\n"):
                        break
                except OSError:
                    pass
                time.sleep(0.001)
            times.append(timed(start))
            server.kill()
    row("start to `/readyz`", times)


def first_tokens(model, client):
    name = "scripted-len3"
    straight, through = Wire(model.port), Wire(client.port)
    posts, events, web = Wire(client.port), Wire(client.port), Wire(client.port)
    web.upgrade(client.cookie)
    conversation = client.conversation(model=name)
    for wire in (straight, through):
        for _ in range(50):
            direct(wire, name)
    samples = {"direct": [], "/v1": [], "turn, POST then SSE": [], "turn, WebSocket": []}
    for _ in range(RUNS):
        samples["direct"].append(direct(straight, name))
        samples["/v1"].append(direct(through, name))
        samples["turn, POST then SSE"].append(turn_over_sse(posts, events, client, conversation))
        samples["turn, WebSocket"].append(turn_over_socket(web, conversation))
        # Slower than what counts as a flood of frames.
        time.sleep(0.05)
    base = row("first token, model server directly", samples.pop("direct"))
    for path, values in samples.items():
        p50, p99 = row(f"first token, {path}", values)
        print(f"| added by Parley, {path} | {p50 - base[0]:.2f} | {p99 - base[1]:.2f} | ms |")


def idle_sockets(client, pid):
    before = memory(pid)
    wires = []
    for _ in range(SOCKETS):
        wire = Wire(client.port)
        wire.upgrade(client.cookie)
        wires.append(wire)
    time.sleep(2)
    each = (memory(pid) - before) / SOCKETS
    print(f"| memory of an idle WebSocket ({SOCKETS} open) | {each:.1f} | | KiB |")
    for wire in wires:
        wire.socket.close()


def main():
    print(f"| figure ({RUNS} runs) | p50 | p99 | unit |\n|---|---|---|---|")
    start_times()
    model = scripted_model()
    with tempfile.TemporaryDirectory() as folder:
        quiet = {"PARLEY_MAKE_TITLES": "false", "PARLEY_LOG_LEVEL": "warning"}
        server = serve(folder, free_port(), model.port, env=quiet)
        try:
            client = Client(server.port)
            time.sleep(1)
            print(f"| memory when idle | {memory(server.process.pid) / 1024:.1f} | | MiB |")
            first_tokens(model, client)
            print(f"| memory after that | {memory(server.process.pid) / 1024:.1f} | | MiB |")
            client.request("GET", "/readyz")
            # One user may have 200 sockets: several users share the load.
            idle_sockets(client, server.process.pid)
        finally:
            server.kill()
            model.kill()


main()
