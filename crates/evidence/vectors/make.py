"""Computes the vectors anew, with nothing of Exhibit's own code: `python3 make.py > vectors.json`."""

import base64
import hashlib
import json
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def canonical(value):
    # Python sorts by code point, RFC 8785 by UTF-16 code unit: encode the keys first.
    def prepare(item):
        if isinstance(item, dict):
            keys = sorted(item, key=lambda key: key.encode("utf-16-be"))
            return {key: prepare(item[key]) for key in keys}
        if isinstance(item, list):
            return [prepare(each) for each in item]
        return item

    return json.dumps(prepare(value), ensure_ascii=False, separators=(",", ":"))


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


documents = [
    {},
    [],
    {"b": 1, "a": [True, None, "é\u20ac\n\u001f\"\\/"]},
    {"\ufb33": 1, "\U00010000": 2, "": {"z": 9007199254740991, "a": -9007199254740991}},
]
disclosures = [
    (bytes(16), "body.provenance.host", "build-7"),
    (bytes(range(16)), "body.provenance.principal", "Zoë"),
]
findings = [
    ("ci-secrets.plaintext-value", "production", "exhibit", [".github/workflows/ci.yml", "jobs.build.env.API_TOKEN", "literal"]),
    ("unique-credentials.shared-across-environments", "staging", "postgres", []),
]
receipt = {
    "v": 1,
    "kind": "receipt",
    "id": "019abf2f-5c38-7707-8707-070707070707",
    "recorded_at": "2026-11-22T03:05:31.000000Z",
    "body": {
        "subject": "report",
        "report": "019abf2f-5c38-7707-8707-070707070708",
        "store": "write-once-directory",
        "regulatory_worm": False,
        "key": "reports/2026-Q4/interim-12.tar",
        "version": "sha256:" + "00" * 32,
        "digest": "sha256:" + "00" * 32,
        "size": 10240,
        "mode": "write-once-directory",
        "retention_class": "seven-years",
        "retain_until": "2033-11-23T00:00:00.000000Z",
        "legal_hold": False,
        "put_at": "2026-11-22T03:05:30.000000Z",
        "read_back_at": "2026-11-22T03:05:30.500000Z",
    },
}
erasure = {
    "v": 1,
    "kind": "erasure",
    "id": "019abf2f-5c38-7707-8707-070707070709",
    "recorded_at": "2026-11-22T03:05:32.000000Z",
    "body": {
        "group": "019abf2f-5c38-7707-8707-07070707070a",
        "path": "body.provenance.principal",
        "digests": 412,
        "reason": "request 2026-117 under article 17",
        "erased_at": "2026-11-22T03:05:31.900000Z",
    },
}

subject = {"environment": "production", "id": "shop"}
promise = {
    "v": 1,
    "kind": "schedule",
    "id": "019abf2f-5c38-7707-8707-07070707070c",
    "recorded_at": "2026-11-22T03:05:34.000000Z",
    "body": {
        "job": "partner-credentials",
        "collector": "unique_credentials",
        "checks": ["unique-credentials.weak"],
        "pushed": True,
        "schedule": "0 4 * * *",
        "time_zone": "Europe/Berlin",
        "tzdata": "2025b",
        "environments": ["production"],
        "fresh_for_s": 604800,
        "late_after_s": 3600,
        "settings": "sha256:" + "44" * 32,
        "active_from": "2026-11-22T03:05:34.000000Z",
    },
}
pushed = {
    "v": 1,
    "kind": "evidence",
    "id": "019abf2f-5c38-7707-8707-07070707070d",
    "recorded_at": "2026-11-22T03:05:40.000000Z",
    "body": {
        "job": "partner-credentials",
        "collector": {"id": "unique_credentials", "version": "0.1.0", "content": "sha256:" + "55" * 32},
        "run": {
            "id": "019abf2f-5c38-7707-8707-07070707070e",
            "trigger": "pushed",
            "scheduled_for": "2026-11-22T03:00:00.000000Z",
            "started_at": "2026-11-22T03:05:35.000000Z",
            "finished_at": "2026-11-22T03:05:39.000000Z",
            "attempt": 1,
        },
        "provenance": {"principal": {"_sd": "sha256:" + "1a" * 32}, "host": {"_sd": "sha256:" + "2b" * 32}},
        "pushed": {"key": "nightly-2026-11-22", "masked": 1},
        "policy": "sha256:" + "66" * 32,
        "observation": {
            "observed_from": "2026-11-22T03:00:10.000000Z",
            "observed_to": "2026-11-22T03:00:12.000000Z",
            "subjects": [subject],
            "population": [
                {"subject": subject, "unit": "credential", "exist": 2, "counted_by": "the vault's own list", "examined": 2}
            ],
            "method": {"kind": "all"},
            "tool": {"name": "partner-scan", "version": "4.2"},
            "rights": "lists and reads the vault's path of the shop",
            "blind_spots": ["What is not in the vault."],
            "facts": {"version": 1},
        },
    },
}
asked_for = {
    "v": 1,
    "kind": "evidence",
    "id": "019abf2f-5c38-7707-8707-07070707070f",
    "recorded_at": "2026-11-22T03:06:00.000000Z",
    "body": {
        **{name: value for name, value in pushed["body"].items() if name != "pushed"},
        "run": {
            "id": "019abf2f-5c38-7707-8707-070707070710",
            "trigger": "on-demand",
            "reason": "Before the rotation of the keys.",
            "started_at": "2026-11-22T03:05:50.000000Z",
            "finished_at": "2026-11-22T03:05:59.000000Z",
            "attempt": 1,
        },
        "self_test": {"passed": True, "detail": "the known-bad example was noted"},
    },
}


def key(origin, seed):
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    key_id = hashlib.sha256(origin.encode() + b"\n\x01" + public).digest()[:4]
    return private, key_id, f"{origin}+{key_id.hex()}+{base64.b64encode(bytes([1]) + public).decode()}"


def rotation(origin, size, old, new):
    keys = [key(origin, old), key(origin, new)]
    text = f"{origin}/key-rotation\n{size}\n" + "".join(f"{verifier}\n" for _, _, verifier in keys)
    signatures = "".join(
        f"\u2014 {origin} {base64.b64encode(key_id + private.sign(text.encode())).decode()}\n" for private, key_id, _ in keys
    )
    return f"{text}\n{signatures}"


handover = {
    "v": 1,
    "kind": "key",
    "id": "019abf2f-5c38-7707-8707-07070707070b",
    "recorded_at": "2026-11-22T03:05:33.000000Z",
    "body": {
        "statement": rotation("example.org/exhibit", 42, bytes(range(32)), bytes(range(32, 64))),
        "reason": "The yearly change of keys.",
    },
}


def disclosed(salt, path, value):
    return {"_sd": sha256(canonical([base64.urlsafe_b64encode(salt).rstrip(b"=").decode(), path, value]).encode())}


def hold(number, body):
    return {
        "v": 1,
        "kind": "hold",
        "id": f"019abf2f-5c38-7707-8707-07070707{number:04x}",
        "recorded_at": "2026-11-22T03:05:34.000000Z",
        "body": body,
    }


def actor(salt, name, token):
    return {
        "person": disclosed(bytes([salt]) * 16, "body.by.person", name),
        "role": "officer",
        "token": f"019abf2f-5c38-7707-8707-0707070800{token:02x}",
    }


erasure["body"]["by"] = actor(7, "Zoë", 3)
case = "019abf2f-5c38-7707-8707-070707070710"
held = [{"key": "artifacts/" + "00" * 32, "version": "3/L4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY+MTRCxf3vjVBH40Nr8X8gdRQBpUMLUo"}]
segment = {
    **receipt,
    "id": "019abf2f-5c38-7707-8707-070707070720",
    "body": {
        **{name: value for name, value in receipt["body"].items() if name != "report"},
        "subject": "segment",
        "key": "segments/2026-11-21/0000000000000000-0000000000000042.tar",
        "legal_hold": True,
    },
}
holds = [
    hold(0x0710, {
        "act": "place",
        "matter": "Example v. Example, 4 O 117/26",
        "scope": {"environments": ["production"], "keys": ["disclosures/"], "periods": ["2026-Q4"], "reports": []},
        "custodian": disclosed(bytes([8]) * 16, "body.custodian", "Zoë"),
        "reason": "Letter of the court of 20 November.",
        "by": actor(9, "Ada", 1),
    }),
    hold(0x0711, {"act": "set", "case": case, "objects": held, "read_back_at": "2026-11-22T03:05:33.500000Z"}),
    hold(0x0712, {"act": "approve-release", "case": case, "reason": "Settled.", "by": actor(10, "Ada", 1)}),
    hold(0x0713, {
        "act": "release", "case": case, "approval": "019abf2f-5c38-7707-8707-070707070712", "reason": "Settled.",
        "by": actor(11, "Bob", 2),
    }),
    hold(0x0714, {"act": "lift", "case": case, "objects": held, "read_back_at": "2026-11-22T03:05:33.500000Z"}),
]
del holds[0]["body"]["scope"]["reports"]
quarter = {
    "id": "2026-Q4",
    "start": "2026-09-30T22:00:00.000000Z",
    "end": "2026-12-31T23:00:00.000000Z",
    "time_zone": "Europe/Berlin",
    "tzdata": "2026a",
}
attested = "019abf2f-5c38-7707-8707-070707070730"
attestations = [
    {**hold(0x0730, {
        "act": "make",
        "about": "key-custody",
        "environment": "production",
        "key": "ENCRYPTION_KEY",
        "location": "safe",
        "period": quarter,
        "statement": disclosed(bytes([12]) * 16, "body.statement", "Zoë and I opened the safe: the sealed envelope is there."),
        "by": actor(13, "Ada", 1),
    }), "kind": "attestation"},
    {**hold(0x0731, {"act": "confirm", "attestation": attested, "by": actor(14, "Bob", 2)}), "kind": "attestation"},
    {**hold(0x0732, {
        "act": "withdraw", "attestation": attested, "reason": "The safe was moved.", "by": actor(15, "Bob", 2),
    }), "kind": "attestation"},
]
waived = "019abf2f-5c38-7707-8707-070707070740"
waivers = [
    {**hold(0x0740, {
        "act": "request",
        "check": "ci-secrets.no-plaintext-in-worktree",
        "finding": sha256(b"a finding"),
        "severity": "high",
        "subject": {"environment": "production", "id": "shop"},
        "until": "2027-01-31T23:00:00.000000Z",
        "reason": "The supplier mends it in January: CHG-1041.",
        "compensating": "The key may read one bucket alone.",
        "by": actor(16, "Ada", 1),
    }), "kind": "waiver"},
    {**hold(0x0741, {"act": "approve", "waiver": waived, "by": actor(17, "Bob", 2)}), "kind": "waiver"},
    {**hold(0x0742, {
        "act": "withdraw", "waiver": waived, "reason": "It is mended.", "by": actor(18, "Bob", 2),
    }), "kind": "waiver"},
]
refused = [
    '{"a":1.0}', '{"a":1e2}', '{"a":9007199254740992}', '{"a":"\\u0000"}', '{"b":1,"a":2}', '{"a":1,"a":1}', '{"a": 1}', '"\\u00e9"', "", "nul",
]

json.dump(
    {
        "canonical": [{"value": value, "bytes": canonical(value), "digest": sha256(canonical(value).encode())} for value in documents],
        "refused": refused,
        "disclosures": [
            {
                "salt": base64.urlsafe_b64encode(salt).rstrip(b"=").decode(),
                "path": path,
                "value": value,
                "digest": sha256(canonical([base64.urlsafe_b64encode(salt).rstrip(b"=").decode(), path, value]).encode()),
            }
            for salt, path, value in disclosures
        ],
        "findings": [
            {"check": check, "environment": environment, "subject": subject, "place": place,
             "fingerprint": sha256(canonical([1, check, environment, subject, place]).encode())}
            for check, environment, subject, place in findings
        ],
        "records": [
            {"record": canonical(entry), "leaf": sha256(b"\0" + canonical(entry).encode()), "kind": entry["kind"]}
            for entry in (receipt, erasure, handover, promise, pushed, asked_for, segment, *holds, *attestations, *waivers)
        ],
    },
    sys.stdout,
    ensure_ascii=False,
    indent=1,
)
print()
