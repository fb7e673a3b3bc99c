"""Runs the test vectors of docs/PROTOCOL.md, section 14, through the codec beside this file."""
import json

import messagepack
from nestwire_codec import Decoder, ProtocolError, encode

CLIENT_SENDS = "hello auth ping pong close resume position request event cancel join publish".split()


def check_vectors(path):
    """Prints what failed and the counts; returns the exit code."""
    with open(path, encoding="utf-8") as file:
        vectors = json.load(file)
    failed = [vector["name"] for vector in vectors if not passes(vector)]
    not_encoded = sum("packet" in vector and vector["packet"]["kind"] not in CLIENT_SENDS for vector in vectors)
    for name in failed:
        print(f"failed: {name}")
    print(f"not applicable: encoding the packets of {not_encoded} vectors, which only servers send; they are decoded")
    print(f"{len(vectors) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


def passes(vector):
    if "body" in vector:
        return body_passes(vector)
    data = bytes.fromhex(vector["hex"])
    expected = vector.get("close") or vector.get("packets") or [vector["packet"]]
    one_piece, one_by_one, cut_in_header = [data], [data[at : at + 1] for at in range(len(data))], [data[:3], data[3:]]
    decoded = all(outcome(vector, pieces) == expected for pieces in (one_piece, one_by_one, cut_in_header))
    packet = vector.get("packet")
    if not decoded or packet is None or packet["kind"] not in CLIENT_SENDS or vector.get("decodeOnly"):
        return decoded
    binary = {name: bytes.fromhex(packet[name]) for name in ("body", "ticket", "messageId") if name in packet}
    return encode(**{**packet, **binary}) == data


def outcome(vector, pieces):
    """The packets, or the name of the close."""
    decoder, packets = Decoder(vector.get("maxFrameBytes", 65_536)), []
    try:
        for piece in pieces:
            packets += map(as_vector, decoder.push(piece))
        if vector.get("eof"):
            decoder.end()
        return packets
    except ProtocolError as error:
        return error.close


def as_vector(value):
    """The conventions of the file: bytes in hex, the kind of authentication by name."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        return [as_vector(item) for item in value]
    if isinstance(value, dict):
        value = {name: as_vector(item) for name, item in value.items()}
        if value.get("kind") == "welcome":
            value["authentication"] = ("none", "token")[value["authentication"]]
    return value


def body_passes(vector):
    try:
        value = messagepack.decode(bytes.fromhex(vector["body"]))
    except messagepack.BadBody:
        return vector.get("badBody", False)
    same = "value" in vector and value == vector["value"]
    return same and messagepack.decode(messagepack.encode(value)) == value
