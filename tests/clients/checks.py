"""Code that the Python clients share: the gateway's address, the demo's keys and ids, and the output of checks."""

import os
from pathlib import Path
from urllib.parse import urlsplit

TERWAY = ("LTAI5tDemoTerway0000", "demo-secret-of-terway")
ALICE = ("LTAI5tDemoAlice00000", "demo-secret-of-alice")
REGION = "cn-hangzhou"
ENI = "eni-bp1demopod0000000001"
WORKER = "i-bp1demoworker00000001"
PRODUCTION = "i-bp1demoprod000000001"
DENIED_ON = f"acs:ecs:{REGION}:1234567890123456:instance/{PRODUCTION}"

PROTOCOL, ENDPOINT = urlsplit(os.environ.get("GATEWAY_URL", ""))[:2]
FOLDER = Path(os.environ.get("GATEWAY_FOLDER", "."))


def is_request_id(text):
    groups = (text or "").split("-")
    return [len(group) for group in groups] == [8, 4, 4, 4, 12] and set("".join(groups)) <= set("0123456789ABCDEF")


def check(name, problem):
    """Runs a check, which returns a description of the problem, or None. An exception is a failure too."""
    try:
        wrong = problem()
    except Exception as error:  # an unexpected exception must not end the run
        wrong = f"{type(error).__name__}: {error}"
    label = f"{os.environ['CASE']}: {name}"
    print(f"not ok {label}: {wrong}" if wrong else f"ok {label}", flush=True)


def credentials_uri():
    """The credentials URI of the demo's role, from the output of the gateway's start."""
    printed = (FOLDER / "printed").read_text().splitlines()
    return next(line.split(" at ")[1] for line in printed if line.startswith("credentials of role/terway at "))
