"""A relay before a database server: it passes bytes on, until a test lets the network fail."""

import contextlib
import socket
import threading
from typing import Final

CHUNK: Final = 65_536


class Relay:
    """Listens on a port of its own; each connection has two threads."""

    def __init__(self, port: int) -> None:
        self._target = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self.silent = False
        """Whether everything that comes is swallowed, connections staying open."""
        self.swallow_answer_to = b""
        """Once this was passed on to the server, its answer is dropped and the connection cut."""
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Cut all connections, as a switch that is turned off and on again."""
        pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()

    def close(self) -> None:
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                self._pairs.append((client, server))
                for source, sink in ((client, server), (server, client)):
                    threading.Thread(
                        target=self._pass, args=(source, sink, source is client), daemon=True
                    ).start()

    def _pass(self, source: socket.socket, sink: socket.socket, from_client: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                if self.silent:
                    continue
                told = self.swallow_answer_to
                if from_client and told and told in data:
                    self.swallow_answer_to = b""
                    self._swallow(data, source, sink)
                    return
                sink.sendall(data)
            sink.shutdown(socket.SHUT_RDWR)

    def _swallow(self, data: bytes, client: socket.socket, server: socket.socket) -> None:
        self.silent = True
        server.sendall(data)
        # The other thread drops the answer; the server has it durable by the time it was sent.
        threading.Event().wait(0.3)
        self.silent = False
        self.cut()
