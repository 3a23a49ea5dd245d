"""A TCP proxy between two programs that can delay, hold back, cut and refuse, each direction by itself."""

import asyncio
import random
import threading

UP, DOWN = "up", "down"
# Pieces on their way in one direction of one connection; then nothing more is read.
PIECES = 256
PIECE_BYTES = 64 * 1024


class ProxyLoop:
    """The thread on which all proxies run."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(timeout=10)

    def close(self):
        async def end():
            for task in asyncio.all_tasks():
                if task is not asyncio.current_task():
                    task.cancel()
            await asyncio.sleep(0)

        self.run(end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(timeout=10)
        self.loop.close()


class FaultProxy:
    """Listens on `port` and passes everything on to `target()`, asked at each connection.

    `delay` holds the seconds (from, to) of each direction; bytes stay in order. A direction in `held` passes nothing on
    until it is let go: that is what a network does that loses all packets, for a while. A held direction also takes
    connections, as a lost packet is not a refusal.
    """

    def __init__(self, proxies, target, seed=0):
        self.proxies = proxies
        self.target = target
        self.delay = {UP: (0.0, 0.0), DOWN: (0.0, 0.0)}
        self.held = set()
        self.refuses = False
        self.connections = 0
        self.bytes = {UP: 0, DOWN: 0}
        self._chance = random.Random(seed)
        self._open = set()
        self._changed = None
        self._server = None
        self.port = proxies.run(self._listen())

    # What a test does

    def slow(self, least, most, directions=(UP, DOWN)):
        for direction in directions:
            self.delay[direction] = (least, most)

    def hold(self, *directions):
        self.proxies.run(self._set(held=set(directions or (UP, DOWN))))

    def cut(self):
        """Ends every connection with a reset, in the middle of whatever is on its way."""
        self.proxies.run(self._cut())

    def refuse(self, refuses=True):
        """While it refuses, connections are closed as soon as they are made."""
        self.refuses = refuses
        if refuses:
            self.cut()

    def heal(self):
        self.delay = {UP: (0.0, 0.0), DOWN: (0.0, 0.0)}
        self.refuses = False
        self.proxies.run(self._set(held=set()))

    def close(self):
        async def end():
            self._server.close()
            await self._cut()

        self.proxies.run(end())

    # On the loop

    async def _listen(self):
        self._changed = asyncio.Condition()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self._server.sockets[0].getsockname()[1]

    async def _set(self, held):
        async with self._changed:
            self.held = held
            self._changed.notify_all()

    async def _cut(self):
        for writer in list(self._open):
            writer.transport.abort()

    async def _accept(self, reader, writer):
        self.connections += 1
        if self.refuses:
            writer.transport.abort()
            return
        try:
            target_reader, target_writer = await asyncio.open_connection("127.0.0.1", self.target())
        except OSError:
            writer.transport.abort()
            return
        ends = (writer, target_writer)
        self._open.update(ends)
        tasks = [
            asyncio.ensure_future(self._pass(reader, target_writer, UP)),
            asyncio.ensure_future(self._pass(target_reader, writer, DOWN)),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        except asyncio.CancelledError:
            # The loop ends; asyncio's own callback would report a cancelled connection as an error.
            pass
        finally:
            for task in tasks:
                task.cancel()
            for end in ends:
                self._open.discard(end)
                end.transport.abort()

    async def _pass(self, reader, writer, direction):
        """Reads and writes beside each other, so that a delay is a delay and not a pace."""
        pieces = asyncio.Queue(PIECES)
        writing = asyncio.ensure_future(self._write(pieces, writer, direction))
        try:
            while True:
                data = await reader.read(PIECE_BYTES)
                due = asyncio.get_running_loop().time() + self._chance.uniform(*self.delay[direction])
                await pieces.put((due, data))
                if not data:
                    break
            await writing
        finally:
            writing.cancel()

    async def _write(self, pieces, writer, direction):
        try:
            await self._write_all(pieces, writer, direction)
        except OSError:
            writer.transport.abort()

    async def _write_all(self, pieces, writer, direction):
        while True:
            due, data = await pieces.get()
            wait = due - asyncio.get_running_loop().time()
            if wait > 0:
                await asyncio.sleep(wait)
            async with self._changed:
                await self._changed.wait_for(lambda: direction not in self.held)
            if not data:
                if writer.can_write_eof():
                    writer.write_eof()
                return
            self.bytes[direction] += len(data)
            writer.write(data)
            await writer.drain()
