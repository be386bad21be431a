"""A page without a browser: the WebSocket of sluice-demo (RFC 6455)."""
import base64
import json
import os
import socket
import struct

from contract import PATIENCE_S

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Page:
    """Requests and news, as in demo/backend.h. A context manager."""

    def __init__(self, port, origin=None):
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        self.stream = self.socket.makefile("rb")
        headers = ["Host: x:1", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
                   "Sec-WebSocket-Key: " + base64.b64encode(os.urandom(16)).decode()]
        if origin is not None:
            headers.append("Origin: " + origin)
        self.socket.sendall("\r\n".join(["GET /ws HTTP/1.1", *headers, "\r\n"]).encode())
        status = self.stream.readline()
        if b" 101 " not in status:
            self.close()
            raise ConnectionRefusedError(status.decode())
        while self.stream.readline() != b"\r\n":
            pass
        self.last = 0
        self.waiting = []  # News that came before an answer did.

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.stream.close()
        self.socket.close()

    def send(self, payload, opcode=TEXT):
        data = payload if isinstance(payload, bytes) else payload.encode()
        if len(data) < 126:
            length = struct.pack("!B", 0x80 | len(data))
        elif len(data) < 65536:
            length = struct.pack("!BH", 0x80 | 126, len(data))
        else:
            length = struct.pack("!BQ", 0x80 | 127, len(data))
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))
        self.socket.sendall(bytes([0x80 | opcode]) + length + mask + masked)

    def receive(self):
        """The next message; an int is the code with which the other side closes."""
        while True:
            opcode, length = self.stream.read(2)
            if length >= 126:
                length = int.from_bytes(self.stream.read(2 if length == 126 else 8), "big")
            data = self.stream.read(length)
            if opcode & 15 == CLOSE:
                return int.from_bytes(data[:2], "big")
            if opcode & 15 == PING:
                self.send(data, PONG)
            if opcode & 15 == TEXT:
                return json.loads(data)

    def ask(self, kind, **body):
        """Sends a request; gives its id."""
        self.last += 1
        self.send(json.dumps({"type": kind, "id": self.last, **body}))
        return self.last

    def answer(self, request):
        """The answer to a request; what comes before it is kept for news()."""
        while (message := self.receive()).get("id") != request:
            self.waiting.append(message)
        return message

    def call(self, kind, **body):
        reply = self.answer(self.ask(kind, **body))
        assert reply["type"] == "reply", reply
        return reply

    def fail(self, kind, **body):
        reply = self.answer(self.ask(kind, **body))
        assert reply["type"] == "error", reply
        return reply

    def news(self, kind):
        """The next news, which is of that type."""
        message = self.waiting.pop(0) if self.waiting else self.receive()
        assert message["type"] == kind, message
        return message

    def join(self, room, name):
        return self.call("join", room=room, userInfo={"name": name})
