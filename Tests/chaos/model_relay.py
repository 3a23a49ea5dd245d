"""Stands before the scripted model server and breaks some of its answers, so that a fault can pass by."""

import http.client
import http.server
import json
import socket
import struct
import threading

# What a broken answer does after some pieces of the stream: nothing more, or a reset; or it is refused from the start.
HANG, CUT = "hang", "cut"
# A hanging answer is let go after so long, so that no thread stays.
LONGEST_HANG_SECONDS = 60.0


class ModelRelay:
    """`break_next` says what becomes of the next completions; all others pass."""

    def __init__(self, model_port):
        self.model_port = model_port
        self.requests = 0
        self._faults = []
        self._lock = threading.Lock()
        self._ends = threading.Event()
        relay = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                relay.forward(self, None)

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                relay.forward(self, body)

            def log_message(self, *arguments):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, request, client_address):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def break_next(self, fault, times=1, after=0):
        """The next `times` completions get `fault` (HANG, CUT or a status) after so many pieces of the stream."""
        with self._lock:
            self._faults += [(fault, after)] * times

    @property
    def armed(self):
        with self._lock:
            return len(self._faults)

    def _next(self, body):
        with self._lock:
            self.requests += 1
            is_completion = body is not None and b'"messages"' in body
            return self._faults.pop(0) if is_completion and self._faults else (None, 0)

    def forward(self, handler, body):
        fault, after = self._next(body)
        if isinstance(fault, int):
            return self._refuse(handler, fault)
        if fault == HANG and after == 0:
            self._ends.wait(LONGEST_HANG_SECONDS)
            handler.close_connection = True
            return None
        model = http.client.HTTPConnection("127.0.0.1", self.model_port, timeout=90)
        try:
            headers = {"Content-Type": "application/json", "Authorization": handler.headers.get("Authorization", "")}
            model.request(handler.command, handler.path, body, headers)
            response = model.getresponse()
            handler.send_response(response.status)
            handler.send_header("Content-Type", response.getheader("Content-Type", "application/json"))
            handler.send_header("Transfer-Encoding", "chunked")
            handler.end_headers()
            self._copy(handler, response, fault, after)
        finally:
            model.close()

    def _copy(self, handler, response, fault, after):
        pieces = 0
        while data := response.read1(64 * 1024):
            if fault and pieces >= after:
                if fault == HANG:
                    self._ends.wait(LONGEST_HANG_SECONDS)
                else:
                    linger = struct.pack("ii", 1, 0)
                    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                handler.close_connection = True
                handler.connection.close()
                return
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            handler.wfile.flush()
            pieces += 1
        handler.wfile.write(b"0\r\n\r\n")

    def _refuse(self, handler, status):
        data = json.dumps({"error": {"message": "told to fail", "type": "scripted_error", "code": None}}).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(data)))
        if status == 429:
            handler.send_header("Retry-After", "1")
        handler.end_headers()
        handler.wfile.write(data)

    def close(self):
        self._ends.set()
        self.server.shutdown()
        self.server.server_close()
