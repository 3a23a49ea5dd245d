"""Ports that stay ours while the program that listens on them is dead."""

import os
import socket
import threading

# Below what Linux gives to outgoing connections, one of which could otherwise take the port of a killed node.
FIRST, LAST = 20_000, 32_000

_lock = threading.Lock()
_next = FIRST + os.getpid() * 64 % (LAST - FIRST)


def reserve_port():
    """A free port that this process gives out once."""
    global _next
    with _lock:
        for _ in range(LAST - FIRST):
            _next = _next + 1 if _next + 1 < LAST else FIRST
            with socket.socket() as probe:
                try:
                    probe.bind(("127.0.0.1", _next))
                except OSError:
                    continue
                return _next
    raise OSError("no port is free")
