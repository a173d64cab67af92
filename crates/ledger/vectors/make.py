"""Computes the vectors anew, with nothing of Exhibit's own code: `python3 make.py > vectors.json`.

The tree follows the recursive definitions of RFC 6962 section 2.1; Ed25519 is that of the package
`cryptography`.
"""

import base64
import hashlib
import json
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def leaf(record):
    return sha256(b"\0", record)


def split(n):
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def root(records):
    if not records:
        return sha256()
    if len(records) == 1:
        return leaf(records[0])
    k = split(len(records))
    return sha256(b"\1", root(records[:k]), root(records[k:]))


def path(m, records):
    if len(records) == 1:
        return []
    k = split(len(records))
    if m < k:
        return path(m, records[:k]) + [root(records[k:])]
    return path(m - k, records[k:]) + [root(records[:k])]


def consistency(m, records, whole=True):
    if m == len(records):
        return [] if whole else [root(records)]
    k = split(len(records))
    if m <= k:
        return consistency(m, records[:k], whole) + [root(records[k:])]
    return consistency(m - k, records[k:], False) + [root(records[:k])]


def hexes(hashes):
    return [h.hex() for h in hashes]


RECORDS = [
    b"",
    b"\x00",
    b"{}",
    b'{"v":1}',
    "a record with an accent: é".encode(),
    b"ppqqrrss",
    bytes(range(64)),
    b"the last",
]

ORIGIN = "example.org/exhibit"
SEED = bytes(range(32))


def note(text):
    private = Ed25519PrivateKey.from_private_bytes(SEED)
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    key_id = sha256(ORIGIN.encode(), b"\n\x01", public)[:4]
    b64 = lambda data: base64.b64encode(data).decode()
    signature = b64(key_id + private.sign(text.encode()))
    return {
        "seed": SEED.hex(),
        "verifier_key": f"{ORIGIN}+{key_id.hex()}+{b64(bytes([1]) + public)}",
        "text": text,
        "note": f"{text}\n\u2014 {ORIGIN} {signature}\n",
    }


def main():
    sizes = range(len(RECORDS) + 1)
    whole = root(RECORDS)
    checkpoint = f"{ORIGIN}\n{len(RECORDS)}\n{base64.b64encode(whole).decode()}\n"
    vectors = {
        "leaves": [{"record": r.hex(), "hash": leaf(r).hex()} for r in RECORDS],
        "roots": [{"size": n, "root": root(RECORDS[:n]).hex()} for n in sizes],
        "inclusion": [
            {"index": m, "size": n, "proof": hexes(path(m, RECORDS[:n]))} for n in sizes for m in range(n)
        ],
        "consistency": [
            {"old": m, "new": n, "proof": hexes(consistency(m, RECORDS[:n]))}
            for n in sizes
            for m in range(1, n + 1)
        ],
        "checkpoint": note(checkpoint),
    }
    json.dump(vectors, sys.stdout, indent=1, ensure_ascii=False)
    print()


main()
