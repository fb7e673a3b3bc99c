"""Nestwire frames and packets to Python dicts and back, written from docs/PROTOCOL.md alone; § is a section of it."""
import re
import unicodedata

MAGIC = bytes.fromhex("deadbeef")
# §4, one packet a line: operation, name, fields. "+": has a correlation, "!": a priority, "?": there if flagged.
GRAMMAR = """
01 hello     minVersion:u32 maxVersion:u32 features:u32 agent:str8
02 welcome   version:u32 features:u32 authentication:enum2 connection:str8 limits:limits
03 auth+     redirects:u8 token:str16
04 authOk+   user:name session:label role:enum3 expiresAtMs:u64 dedupWindowMs:u32 ticket:bytes16
05 ping+
06 pong+
07 limits    limits:limits
08 goAway    code:u16 slotMs:u32 deadlineMs:u32 target:str16
09 close     code:u16 retryAfterMs:u32 target:str16 message:str16
0a resume+   redirects:u8 ticket:bytes16 positions:room=name,epoch=u64,seq=u64
0b resumed+  user:name session:label role:enum3 expiresAtMs:u64 dedupWindowMs:u32 ticket:bytes16 \
             rooms:room=name,epoch=u64,from=u64,to=u64,outcome=enum3
0c ticket    expiresAtMs:u64 ticket:bytes16
0d position  receivedBytes:u64 positions:room=name,seq=u64
40 request+! deadlineMs?:u32 metadata?:metadata pattern:pattern body:rest
41 event!    metadata?:metadata pattern:pattern body:rest
42 reply+    body:rest
43 next+     body:rest
44 end+
45 error+    code:u16 retryAfterMs:u32 message:str16 body:rest
46 cancel+
50 join+     room:name
51 joined+   room:name epoch:u64 seq:u64 role:enum2 members:u32
52 publish+! ageMs?:u32 room:name messageId:16 body:rest
53 ack+      seq:u64 timeMs:u64
54 deliver   room:name epoch:u64 records:records
55 gap       room:name epoch:u64 from:u64 to:u64 reason:enum3
"""
PACKETS = {}
for code, name, *fields in map(str.split, GRAMMAR.strip().splitlines()):
    PACKETS[int(code, 16)] = (name, [field.split(":") for field in fields])
OPERATIONS = {name.rstrip("+!"): operation for operation, (name, _) in PACKETS.items()}
FLAGS = {"deadlineMs?": 4, "metadata?": 8, "ageMs?": 4}
INTEGERS = {"u8": 1, "u16": 2, "u32": 4, "u64": 8}
PREFIXES = {"str8": "u8", "str16": "u16", "name": "u8", "label": "u8", "pattern": "u16", "bytes16": "u16"}
LIMITS = "maxFrameBytes maxInFlightRequests maxRoomsPerConnection pingIntervalMs idleTimeoutMs maxMessageBytes".split()
TEXT, JOIN, LEAVE = 1, 2, 3  # kinds of records

# §9 and §10: the first code of a range and the names from there on.
NAMES = {
    1: """Application NoHandler BadBody BadPayload TokenInvalid TokenExpired UserMismatch Forbidden RoomNotFound
        RoomExists NotAMember Banned TooManyRooms MessageTooLarge DeadlineExceeded Draining Internal FeatureOff
        StreamOverrun RoomFull LogUnavailable CommitFailed Backpressure RateLimited OutcomeUnknown TicketInvalid""",
    1000: "Normal TokenExpired IdleTimeout",
    2000: """ServerFull ShuttingDown SlowConsumer HandshakeTimeout HalfFrameTimeout InternalError TooManyLogins
        TooManyConnections BackedOff""",
    4000: """BadMagic BadFrameVersion BadFrameType FrameTooLarge TruncatedPacket TrailingBytes EofInFrame
        UnknownOperation WrongFrameType BadField NoCommonVersion OutOfState AuthRejected CorrelationInUse TakenOver
        SessionRevoked""",
}
NAMES = {first + index: name for first, names in NAMES.items() for index, name in enumerate(names.split())}
# §10: what a client does after a CLOSE, by thousands of its code.
ADVICE = ["reconnect", "reconnect", "reconnect after {retryAfterMs} ms", "connect to {target}", "do not retry"]


class ProtocolError(Exception):
    """Bytes that break the grammar. `close` is the name of §10 for it: the connection cannot go on."""

    def __init__(self, close):
        super().__init__(f"these bytes are not the protocol: {close}")
        self.close = close


def require(condition, close="BadField"):
    if not condition:
        raise ProtocolError(close)


class Decoder:
    """Cuts a stream of bytes into packets, wherever TCP may have cut it. The first error is the last: never resume."""

    def __init__(self, max_frame_bytes=1 << 20):
        self.max_frame_bytes, self.buffer = max_frame_bytes, bytearray()

    def push(self, data):
        self.buffer += data
        while True:
            header = bytes(self.buffer[:16])  # each field is judged as soon as it is there
            require(MAGIC.startswith(header[:4]), "BadMagic")
            version, frame_type, length = (int.from_bytes(header[at : at + 4], "big") for at in (4, 8, 12))
            require(len(header) < 8 or version == 1, "BadFrameVersion")
            require(len(header) < 12 or frame_type in (1, 2), "BadFrameType")
            require(len(header) < 16 or length <= self.max_frame_bytes, "FrameTooLarge")
            if len(header) < 16 or len(self.buffer) < 16 + length:
                return
            payload = bytes(self.buffer[16 : 16 + length])
            del self.buffer[: 16 + length]
            yield decode_packet(frame_type, payload)

    def end(self):
        require(not self.buffer, "EofInFrame")


def decode_packet(frame_type, payload):
    """One payload to a dict: kind, correlation and priority if the packet has them, and its fields."""
    reader = Reader(payload)
    require(len(payload) >= 6, "TruncatedPacket")
    operation, flags, correlation = reader.integer(1), reader.integer(1), reader.integer(4)
    require(operation in PACKETS, "UnknownOperation")
    require(frame_type == (1 if operation < 0x40 else 2), "WrongFrameType")
    name, fields = PACKETS[operation]
    known_flags = (3 if "!" in name else 0) | sum(FLAGS.get(field, 0) for field, _ in fields)
    require(flags & ~known_flags == 0 and flags & 3 != 3)
    require(("+" in name) == (correlation != 0))
    packet = {"kind": name.rstrip("+!")}
    if "+" in name:
        packet["correlation"] = correlation
    if "!" in name:
        packet["priority"] = flags & 3
    for field, kind in fields:
        if field not in FLAGS or flags & FLAGS[field]:
            packet[field.rstrip("?")] = reader.value(kind)
    require(reader.at == len(payload), "TrailingBytes")
    return packet


class Reader:
    """Takes values off the front of a payload; each is judged once it has been read whole."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        require(size <= len(self.data) - self.at, "TruncatedPacket")
        self.at += size
        return self.data[self.at - size : self.at]

    def integer(self, size):
        return int.from_bytes(self.take(size), "big")

    def value(self, kind):
        if kind in INTEGERS:
            value = self.integer(INTEGERS[kind])
            require(value < 1 << 53)
        elif kind.startswith("enum"):  # enum3: 0, 1 or 2
            value = self.integer(1)
            require(value < int(kind[4:]))
        elif kind in PREFIXES:
            value = self.take(self.value(PREFIXES[kind]))
            require(kind not in ("label", "pattern") or 1 <= len(value) <= 1024)
            value = value if kind == "bytes16" else text(value)
            require(kind != "name" or is_name(value))
        elif kind in ("16", "rest"):
            value = self.take(16 if kind == "16" else len(self.data) - self.at)
        elif kind == "limits":  # ids that we do not know are skipped
            pairs = self.distinct(lambda: (self.integer(1), self.integer(4)))
            value = {LIMITS[limit - 1]: pairs[limit] for limit in pairs if 1 <= limit <= len(LIMITS)}
        elif kind == "metadata":
            value = self.distinct(lambda: (self.value("str8"), self.value("str16")))
        elif kind == "records":
            value = self.records()
        else:  # an array with its fields: "room=name,seq=u64"
            columns = [column.split("=") for column in kind.split(",")]
            value = [{name: self.value(column) for name, column in columns} for _ in range(self.integer(2))]
        return value

    def distinct(self, read_pair):
        pairs = {}
        for _ in range(self.integer(1)):
            key, value = read_pair()
            require(key not in pairs)
            pairs[key] = value
        return pairs

    def varint(self):
        value = 0
        for shift in range(0, 56, 7):  # a value below 2^53 has at most eight bytes
            byte = self.integer(1)
            value |= (byte & 127) << shift
            if byte < 128:
                require(value < 1 << 53 and (byte or shift == 0))  # a zero at the end is not the shortest form
                return value
        raise ProtocolError("BadField")

    def zigzag(self):
        value = self.varint()
        require(value < (1 << 53) - 1)
        return (value >> 1) ^ -(value & 1)

    def count(self):
        value = self.varint()
        require(value >= 1)
        return value

    def records(self):
        """DELIVER from `prev` on: a table of senders, then records, each a step from the one before."""
        seq, time = self.value("u64"), self.value("u64")
        senders = [self.value("name") for _ in range(self.count())]
        records = []
        for _ in range(self.count()):
            kind = self.integer(1)
            require(kind in (TEXT, JOIN, LEAVE))
            prev, seq = seq, seq + self.count()
            require(seq < 1 << 53)
            time += self.zigzag()
            require(0 <= time < 1 << 53)
            sender = self.varint()
            require(sender < len(senders))
            body = self.take(self.varint())
            require(kind != LEAVE or body in (b"\0", b"\1", b"\2"))
            require(kind != JOIN or text(body) is not None)
            record = {"kind": kind, "seq": seq, "prev": prev, "timeMs": time, "sender": senders[sender], "body": body}
            records.append(record)
        return records


def text(data):
    try:
        return data.decode()  # strict UTF-8: no overlong forms, no surrogates
    except UnicodeDecodeError:
        raise ProtocolError("BadField") from None


# Of the letters, marks and symbols those that show nothing.
UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U00013441\U00013442\U00016fe4\U0001d159\U000e0100-\U000e01ef]"
)


def is_name(value):
    """§2. Unassigned characters (Cn) may pass: the server may know a newer Unicode than this Python does."""
    categories = {unicodedata.category(character) for character in value if character != " "}
    return (
        all(value.split(" "))  # no empty word: spaces are single and inside
        and len(value.encode()) <= 128
        and unicodedata.is_normalized("NFC", value)
        and not UNSEEN.search(value)
        and all(category[0] in "LMNPS" or category == "Cn" for category in categories)
    )


def encode(kind, correlation=0, priority=0, **fields):
    """A whole frame with one packet, of those that clients send: encode("join", correlation=2, room="lobby")."""
    operation = OPERATIONS[kind]
    flags, body = priority, b""
    for field, field_kind in PACKETS[operation][1]:
        if field in FLAGS and field.rstrip("?") not in fields:
            continue
        flags |= FLAGS.get(field, 0)
        try:
            body += encode_value(field_kind, fields[field.rstrip("?")])
        except OverflowError:
            raise ValueError(f"{kind}: {field} is too large for {field_kind}") from None
    payload = bytes([operation, flags]) + correlation.to_bytes(4, "big") + body
    header = (1, 1 if operation < 0x40 else 2, len(payload))  # version, frame type, length
    return MAGIC + b"".join(number.to_bytes(4, "big") for number in header) + payload


def encode_value(kind, value):
    if kind in INTEGERS:
        return value.to_bytes(INTEGERS[kind], "big")
    if kind in PREFIXES:
        data = value.encode() if isinstance(value, str) else value
        return encode_value(PREFIXES[kind], len(data)) + data
    if kind in ("16", "rest"):
        return value
    if kind == "metadata":
        pairs = [encode_value("str8", key) + encode_value("str16", item) for key, item in value.items()]
        return encode_value("u8", len(pairs)) + b"".join(pairs)
    columns = [column.split("=") for column in kind.split(",")]
    items = [encode_value(column, item[name]) for item in value for name, column in columns]
    return encode_value("u16", len(value)) + b"".join(items)


def name_of(code):
    return f"{NAMES[code]} ({code})" if code in NAMES else f"code {code}"
