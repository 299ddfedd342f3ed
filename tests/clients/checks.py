"""What the Python clients share: the demo's keys and ids, and a line for each check."""

import re

TERWAY = ("LTAI5tDemoTerway0000", "demo-secret-of-terway")
ALICE = ("LTAI5tDemoAlice00000", "demo-secret-of-alice")
REGION = "cn-hangzhou"
ENI = "eni-bp1demopod0000000001"
WORKER = "i-bp1demoworker00000001"
PRODUCTION = "i-bp1demoprod000000001"
DENIED_ON = f"acs:ecs:{REGION}:1234567890123456:instance/{PRODUCTION}"


def is_request_id(text):
    return re.fullmatch(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}", text or "") is not None


def check(name, problem):
    """Runs a check that returns what is wrong, or nothing. Whatever it raises is wrong too."""
    try:
        wrong = problem()
    except Exception as error:  # a client that fails in its own way must not end the run
        wrong = f"{type(error).__name__}: {error}"
    print(f"not ok {name}: {wrong}" if wrong else f"ok {name}", flush=True)
