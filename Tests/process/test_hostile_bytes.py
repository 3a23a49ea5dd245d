# This source file is part of the Parley open source project
# SPDX-License-Identifier: Apache-2.0
"""What strangers send over a plain socket ends in a 4xx, never in a 5xx or a dead process."""

import socket

import pytest
from parley_process import Client, free_port, serve

HOST = b"Host: localhost\r\n"
CHUNKED = b"POST /api/session HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = serve(tmp_path_factory.mktemp("hostile"), free_port())
    yield server
    server.kill()


def status_of(server, data):
    """Sends bytes; the status of the answer, or None when the connection is closed without one."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as wire:
        try:
            wire.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer = b""
        try:
            while b"\r\n" not in answer:
                more = wire.recv(4096)
                if not more:
                    break
                answer += more
        except ConnectionResetError:
            pass
    return int(answer.split(b" ")[1]) if answer else None


@pytest.mark.parametrize(
    "data",
    [
        b"GET /healthz HTTP/1.1\r\n" + HOST + b"".join(b"X-%d: a\r\n" % n for n in range(10_000)) + b"\r\n",
        b"GET /healthz HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 1_000_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
        b"POST /api/session HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /api/session HTTP/1.1\r\n" + HOST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"GET /healthz HTTP/1.1\nHost: localhost\n\n",
        b"GET /heal\0thz HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /api/turns/%zz%00 HTTP/1.1\r\n" + HOST + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00" * 50 + b"\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"TRACE /healthz HTTP/1.1\r\n" + HOST + b"\r\n",
        b"BREW /healthz HTTP/1.1\r\n" + HOST + b"\r\n",
        CHUNKED + b"-1\r\n{}\r\n0\r\n\r\n",
        CHUNKED + b"FFFFFFFFFFFFFFFFF\r\n",
        CHUNKED + b"2\r\n{}XX0\r\n\r\n",
        b"GET /assets/../../../../etc/passwd HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /assets/%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\n" + HOST + b"\r\n",
    ],
    ids=[
        "many-headers", "long-header", "long-path", "length-and-chunked", "two-lengths", "bare-line-feeds", "nul",
        "bad-percent", "tls", "http2", "foreign-host", "trace", "unknown-method", "negative-chunk", "giant-chunk",
        "chunk-without-end", "traversal", "encoded-traversal",
    ],
)  # fmt: skip
def test_is_refused(server, data):
    status = status_of(server, data)
    assert status is None or 400 <= status < 500
    assert Client(server.port).request("GET", "/healthz")[0] == 200
