"""The proxy and the Redis servers of the suite do what their faults say."""

import shutil
import socket
import socketserver
import threading
import time

import pytest
from fault_proxy import DOWN, UP, FaultProxy, ProxyLoop
from redis_server import Redis, RedisReply, SentinelGroup

needs_redis = pytest.mark.skipif(not shutil.which("redis-server"), reason="needs redis-server")


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(65536):
            self.request.sendall(data)


@pytest.fixture
def proxy():
    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

        def handle_error(self, request, client_address):
            pass

    server = Server(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    loop = ProxyLoop()
    proxy = FaultProxy(loop, lambda: server.server_address[1])
    yield proxy
    proxy.close()
    loop.close()
    server.shutdown()
    server.server_close()


def connect(proxy):
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=5)


def exchange(connection, data=b"hello"):
    start = time.monotonic()
    connection.sendall(data)
    received = b""
    while len(received) < len(data):
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError("closed")
        received += piece
    assert received == data
    return time.monotonic() - start


def test_it_passes_everything_on(proxy):
    with connect(proxy) as connection:
        exchange(connection, bytes(range(256)) * 4000)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(10) == b""
    assert proxy.bytes == {UP: 1_024_000, DOWN: 1_024_000}


def test_it_delays_each_direction(proxy):
    with connect(proxy) as connection:
        exchange(connection)
        proxy.slow(0.1, 0.1, directions=[DOWN])
        assert 0.1 <= exchange(connection) < 0.19
        proxy.slow(0.1, 0.1)
        assert exchange(connection) >= 0.2
        proxy.heal()
        assert exchange(connection) < 0.1


@pytest.mark.parametrize("direction", [UP, DOWN])
def test_it_holds_a_direction_and_lets_go(proxy, direction):
    with connect(proxy) as connection:
        exchange(connection)
        proxy.hold(direction)
        connection.sendall(b"held")
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.recv(4)
        proxy.heal()
        connection.settimeout(5)
        assert connection.recv(4) == b"held"


def test_it_cuts_and_refuses(proxy):
    with connect(proxy) as connection:
        exchange(connection)
        proxy.cut()
        with pytest.raises(ConnectionError):
            exchange(connection)
            exchange(connection)
    proxy.refuse()
    with pytest.raises(ConnectionError):
        with connect(proxy) as connection:
            exchange(connection)
    proxy.heal()
    with connect(proxy) as connection:
        exchange(connection)


@needs_redis
@pytest.mark.parametrize("keeps_log", [True, False])
def test_a_killed_redis_keeps_what_it_wrote_down(tmp_path, keeps_log):
    redis = Redis(tmp_path, keeps_log=keeps_log)
    try:
        redis.call("SET", "a", "1")
        if keeps_log:
            # A write of another kind forces nothing; what is kept is what was written a second ago.
            time.sleep(1.2)
        redis.kill()
        redis.start()
        assert redis.call("GET", "a") == ("1" if keeps_log else None)
        assert redis.call("CONFIG", "GET", "maxmemory-policy")[1] == "noeviction"
        with pytest.raises(RedisReply):
            redis.call("NONSENSE")
    finally:
        redis.close()


@needs_redis
def test_sentinels_fail_over(tmp_path):
    group = SentinelGroup(tmp_path)
    try:
        first = group.master
        first.call("SET", "a", "1")
        time.sleep(0.2)
        assert group.fail_over(by_kill=True) is first
        assert group.master is not first and group.call("GET", "a") == "1"
        group.mend(first)
        assert "slave" in first.call("ROLE")
    finally:
        group.close()
