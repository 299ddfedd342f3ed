"""alibabacloud-ecs20140526 inside `ramgate run`: endpoint and key come from the environment."""

import os

from alibabacloud_credentials.client import Client as Credential

from checks import check
from v3 import allowed, denied

# The protocol must be set in code, because the SDK reads no variable for it.
SETTINGS = {
    "credential": Credential(),
    "endpoint": os.environ["ECS_ENDPOINT"],
    "protocol": "http",
    "region_id": os.environ["ALIBABA_CLOUD_REGION_ID"],
}

check("the key of the environment attaches", lambda: allowed(**SETTINGS))
check("the key of the environment is refused an attach that the policies deny", lambda: denied(**SETTINGS))
