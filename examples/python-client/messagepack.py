"""The MessagePack of Nestwire bodies: docs/PROTOCOL.md, section 5."""
import struct

MAX_DEPTH, MAX_ENTRIES, MAX_BYTES = 32, 65_536, 1_048_576
CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}
NUMBERS = {0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q"}
NUMBERS.update({0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q"})
# First byte: what follows, and how many bytes say how long it is.
SIZED = {0xC4: ("bin", 1), 0xC5: ("bin", 2), 0xC6: ("bin", 4), 0xC7: ("ext", 1), 0xC8: ("ext", 2), 0xC9: ("ext", 4)}
SIZED.update({0xD9: ("str", 1), 0xDA: ("str", 2), 0xDB: ("str", 4)})
SIZED.update({0xDC: ("array", 2), 0xDD: ("array", 4), 0xDE: ("map", 2), 0xDF: ("map", 4)})
FIXED_EXTENSIONS = {0xD4: 1, 0xD5: 2, 0xD6: 4, 0xD7: 8, 0xD8: 16}


class BadBody(Exception):
    """Bytes that are not one MessagePack value within the bounds. The connection can go on."""


def decode(data):
    """The value of a body; None if it is empty. A timestamp becomes the whole nanoseconds since 1970."""
    if not data:
        return None
    try:
        value, end = _decode(data, 0, MAX_DEPTH)
    except (IndexError, struct.error, UnicodeDecodeError) as error:
        raise BadBody(f"not MessagePack: {error}") from None
    _require(end == len(data), "bytes after the value")
    return value


def encode(value):
    """Always the widest form of each type: any width is legal, and this is the least code."""
    if value is None or isinstance(value, bool):
        return {None: b"\xc0", False: b"\xc2", True: b"\xc3"}[value]
    if isinstance(value, int):
        return struct.pack(">Bq", 0xD3, value)
    if isinstance(value, float):
        return struct.pack(">Bd", 0xCB, value)
    if isinstance(value, str):
        data = value.encode()
        return struct.pack(">BI", 0xDB, len(data)) + data
    if isinstance(value, bytes):
        return struct.pack(">BI", 0xC6, len(value)) + value
    if isinstance(value, dict):
        return struct.pack(">BI", 0xDF, len(value)) + b"".join(encode(key) + encode(value[key]) for key in value)
    return struct.pack(">BI", 0xDD, len(value)) + b"".join(map(encode, value))


def _require(condition, problem):
    if not condition:
        raise BadBody(problem)


def _decode(data, at, depth):
    """The value that starts at `at`, and where it ends."""
    first, at = data[at], at + 1
    if first < 0x80 or first >= 0xE0:
        return (first if first < 0x80 else first - 256), at
    if first in CONSTANTS:
        return CONSTANTS[first], at
    if first in NUMBERS:
        return struct.unpack_from(NUMBERS[first], data, at)[0], at + struct.calcsize(NUMBERS[first])
    if first < 0xA0:  # the short forms carry their size in the first byte
        kind, size = "map" if first < 0x90 else "array", first & 15
    elif first < 0xC0:
        kind, size = "str", first & 31
    elif first in FIXED_EXTENSIONS:
        kind, size = "ext", FIXED_EXTENSIONS[first]
    else:
        _require(first in SIZED, "reserved byte")
        kind, width = SIZED[first]
        size, at = int.from_bytes(data[at : at + width], "big"), at + width
        _require(at <= len(data), "cut off")
    if kind in ("array", "map"):
        _require(depth > 0 and size <= MAX_ENTRIES, "nested too deep, or too many entries")
        return _decode_array(data, at, depth, size) if kind == "array" else _decode_map(data, at, depth, size)
    end = at + size + (kind == "ext")  # an extension has a byte for its type before its data
    _require(size <= MAX_BYTES and end <= len(data), "too long, or cut off")
    if kind == "ext":
        return _timestamp(data[at], data[at + 1 : end]), end
    return (data[at:end].decode() if kind == "str" else data[at:end]), end


def _decode_array(data, at, depth, size):
    items = []
    for _ in range(size):
        item, at = _decode(data, at, depth - 1)
        items.append(item)
    return items, at


def _decode_map(data, at, depth, size):
    entries = {}
    for _ in range(size):
        key, at = _decode(data, at, depth - 1)
        _require(isinstance(key, str), "a map key that is no string")
        entries[key], at = _decode(data, at, depth - 1)
    return entries, at


def _timestamp(extension, data):
    _require(extension == 0xFF and len(data) in (4, 8, 12), "an extension that is no timestamp")
    if len(data) == 12:
        nanoseconds, seconds = struct.unpack(">Iq", data)
    else:
        number = int.from_bytes(data, "big")  # 4 bytes: seconds; 8: 30 bits of nanoseconds, 34 of seconds
        nanoseconds, seconds = (0, number) if len(data) == 4 else (number >> 34, number & (1 << 34) - 1)
    _require(nanoseconds < 10**9, "nanoseconds of more than a second")
    return seconds * 10**9 + nanoseconds
