"""A network in between, under control: a TCP proxy in front of one socket.

    proxy = Proxy(redis.socket).start()
    proxy.delay("up", 0.2)      each piece of data waits
    proxy.hang("down")          nothing passes, until heal(); then what waited does
    proxy.cut("up", 100)        100 bytes more, then a reset: a message is torn in two
    proxy.refuse()              new connections are reset
    proxy.reset()               all connections are, now
    proxy.heal()

"up" is from the client to the target. One thread, whatever the number of connections; what waits
in between is bounded by the sockets' buffers and one piece each way.
"""

import asyncio
import socket
import struct
import threading

PIECE = 16 * 1024
LOOK_S = 0.01
DIRECTIONS = ("up", "down")
RESET = struct.pack("ii", 1, 0)     # SO_LINGER: no goodbye


class Proxy:
    def __init__(self, target):
        """`target` is a unix socket's path."""
        self.target = str(target)
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.listening = threading.Event()
        self.port = 0
        self.writers = set()
        self.heal()

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def start(self):
        self.thread.start()
        self.listening.wait()
        return self

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()

    # ---- what a test may do to it, from any thread

    def heal(self):
        self.hanging = dict.fromkeys(DIRECTIONS, False)
        self.delay_s = dict.fromkeys(DIRECTIONS, 0.0)
        self.bytes_left = dict.fromkeys(DIRECTIONS)
        self.refusing = False

    def hang(self, direction):
        self.hanging[direction] = True

    def delay(self, direction, seconds):
        self.delay_s[direction] = seconds

    def cut(self, direction, after):
        """Once: what comes after that many bytes is lost, with the connection."""
        self.bytes_left[direction] = after

    def refuse(self):
        self.refusing = True

    def reset(self):
        self.loop.call_soon_threadsafe(self._reset_all)

    # ---- its own thread

    def _run(self):
        asyncio.set_event_loop(self.loop)
        server = self.loop.run_until_complete(
            asyncio.start_server(self._accept, "127.0.0.1", 0, limit=PIECE))
        self.port = server.sockets[0].getsockname()[1]
        self.listening.set()
        self.loop.run_forever()
        server.close()
        self._reset_all()
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self.loop.close()

    def _reset_all(self):
        for writer in list(self.writers):
            abandon(writer)

    async def _accept(self, reader, writer):
        self.writers.add(writer)
        try:
            if self.refusing:
                return
            there = await asyncio.open_unix_connection(self.target, limit=PIECE)
            self.writers.add(there[1])
            ways = [asyncio.ensure_future(self._pass_on("up", reader, there[1])),
                    asyncio.ensure_future(self._pass_on("down", there[0], writer))]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                abandon(there[1])
                self.writers.discard(there[1])
        except OSError:
            pass                        # the target is away
        finally:
            abandon(writer)
            self.writers.discard(writer)

    async def _pass_on(self, direction, reader, writer):
        """Until either side is gone."""
        try:
            while data := await reader.read(PIECE):
                await asyncio.sleep(self.delay_s[direction])
                while self.hanging[direction]:
                    await asyncio.sleep(LOOK_S)
                left = self.bytes_left[direction]
                writer.write(data if left is None else data[:left])
                await writer.drain()
                if left is not None:
                    self.bytes_left[direction] = None if left < len(data) else left - len(data)
                    if left < len(data):
                        return
        except OSError:
            pass


def abandon(writer):
    """Ends the connection with a reset where the socket knows one."""
    connection = writer.get_extra_info("socket")
    if connection is not None and connection.family != socket.AF_UNIX:
        try:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        except OSError:
            pass
    writer.transport.abort()
