#!/usr/bin/env python3
"""A Nestwire client in plain Python (3.8 or newer), written from docs/PROTOCOL.md alone; § is a section of that page.

python3 nestwire_client.py HOST PORT TOKEN ROOM TEXT [--expect N] [--info]
python3 nestwire_client.py --vectors test/fixtures/vectors.json

The first joins ROOM, says TEXT and prints N records of the room (1 if not told), one line of JSON each; --info prints
the answer of rooms.info first. The second checks nestwire_codec.py and messagepack.py against the vectors of §14.
"""
import argparse
import collections
import contextlib
import itertools
import json
import os
import socket
import sys

import messagepack
from nestwire_codec import ADVICE, JOIN, LEAVE, TEXT, Decoder, ProtocolError, encode, name_of
from vectors import check_vectors


class NestwireError(Exception):
    """The server said no (ERROR), or the connection is over (CLOSE, FIN, silence)."""


class Client:
    """One connection and one thread: PING is answered while the client waits for something, so keep it waiting."""

    def __init__(self, host, port, token):
        self.socket = socket.create_connection((host, port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.packets = self._receive()
        self.deliveries = collections.deque()  # those that came while we were waiting for an answer
        self.positions = {}  # room: (epoch, seq of the last record we have)
        self.correlation, self.limits = 0, None  # no limits before WELCOME
        self.send("hello", minVersion=1, maxVersion=1, features=0, agent="nestwire-python-example/1")
        welcome = next(self.packets)
        self.socket.settimeout(self.limits.get("pingIntervalMs", 25_000) / 1000)
        if welcome["authentication"] == 1:
            self.ask("auth", redirects=0, token=token)

    def send(self, kind, **fields):
        self.socket.sendall(encode(kind, **fields))

    def ask(self, kind, **fields):
        """Sends a packet and waits for its answer: a packet, or for a stream the list of its values."""
        self.correlation += 1
        correlation, values = self.correlation, []
        self.send(kind, correlation=correlation, **fields)
        for packet in self.packets:
            if packet["kind"] == "deliver":
                self.deliveries.append(packet)
            elif packet.get("correlation") != correlation:
                continue  # an event, a ticket, or an answer that nobody waits for: §12 says to ignore it
            elif packet["kind"] == "error":
                raise NestwireError(f"{name_of(packet['code'])}: {packet['message']}")
            elif packet["kind"] == "next":
                values.append(messagepack.decode(packet["body"]))
            else:
                return values if packet["kind"] == "end" else packet

    def request(self, pattern, payload):
        answer = self.ask("request", pattern=pattern, body=messagepack.encode(payload))
        return answer if isinstance(answer, list) else messagepack.decode(answer["body"])

    def join(self, room):
        joined = self.ask("join", room=room)
        self.positions.setdefault(room, (joined["epoch"], joined["seq"]))  # unless a DELIVER overtook it

    def publish(self, room, text):
        """Returns the ACK. To send the same message once more after a lost connection, keep its messageId."""
        return self.ask("publish", room=room, messageId=os.urandom(16), body=text.encode())

    def records(self):
        """Every record of the rooms joined, as (room, record), for as long as the connection lives."""
        while True:
            packet = self.deliveries.popleft() if self.deliveries else next(self.packets)
            for record in packet.get("records", []):
                yield packet["room"], record

    def close(self):
        self.send("close", code=1000, retryAfterMs=0, target="", message="")
        self.socket.shutdown(socket.SHUT_WR)
        with self.socket, contextlib.suppress(OSError):
            while self.socket.recv(65_536):  # closing on bytes not read would reset the connection
                pass

    def _receive(self):
        """The packets of the server but for the housekeeping of §6, which is done here."""
        decoder, silent = Decoder(), False
        while True:
            try:
                data = self.socket.recv(65_536)
            except socket.timeout:  # nothing for pingIntervalMs
                if silent or self.limits is None:
                    raise NestwireError("the server is silent") from None
                silent, self.correlation = True, self.correlation + 1
                self.send("ping", correlation=self.correlation)
                continue
            silent = False
            for packet in decoder.push(data):
                kind = packet["kind"]
                if kind == "ping":
                    self.send("pong", correlation=packet["correlation"])
                    continue  # its correlation is the server's own and may look like one of ours
                if kind == "close":
                    advice = ADVICE[min(packet["code"] // 1000, 4)].format(**packet)
                    raise NestwireError(f"{name_of(packet['code'])}: {packet['message'] or 'closed'}; {advice}")
                if kind in ("welcome", "limits"):
                    self.limits = {**(self.limits or {}), **packet["limits"]}
                elif kind in ("deliver", "gap"):
                    self._move_position(packet)
                yield packet
            if not data:
                decoder.end()
                raise NestwireError("the server ended the connection")

    def _move_position(self, packet):
        """§8. A client that shows a history would fetch what is missing with chat.history; this one only says so."""
        room, epoch, last = packet["room"], packet["epoch"], packet.get("to")
        if packet["kind"] == "deliver":
            prev, last = packet["records"][0]["prev"], packet["records"][-1]["seq"]
            known_epoch, seq = self.positions.get(room, (epoch, prev))
            if epoch == known_epoch and prev != seq:
                print(f"{room}: the records after {seq} up to {prev} are missing", file=sys.stderr)
        self.positions[room] = (epoch, last)


def line_of(room, record):
    """A record for people: the body is text, a display name or a reason, as the kind says (§4)."""
    line = {"room": room, **record, "kind": {TEXT: "text", JOIN: "join", LEAVE: "leave"}[record["kind"]]}
    body = line.pop("body")
    if record["kind"] == LEAVE:
        line["reason"] = ("left", "kicked", "banned")[body[0]]
    else:
        line["text"] = body.decode(errors="replace")  # the text of a message is UTF-8 by convention only
    return json.dumps(line, ensure_ascii=False)


def chat(host, port, token, room, text, expect, info):
    client = Client(host, port, token)
    client.join(room)
    if info:
        print(json.dumps(client.request("rooms.info", {"room": room}), default=bytes.hex), flush=True)
    client.publish(room, text)
    for room, record in itertools.islice(client.records(), expect):
        print(line_of(room, record), flush=True)
    client.close()


def main():
    if sys.argv[1:2] == ["--vectors"] and len(sys.argv) == 3:
        return check_vectors(sys.argv[2])
    parser = argparse.ArgumentParser(usage=__doc__)
    for name in ("host", "port", "token", "room", "text"):
        parser.add_argument(name)
    parser.add_argument("--expect", type=int, default=1)
    parser.add_argument("--info", action="store_true")
    try:
        chat(**vars(parser.parse_args()))
        return 0
    except (NestwireError, ProtocolError, messagepack.BadBody, OSError, ValueError) as error:
        print(f"nestwire: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
