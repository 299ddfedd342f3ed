"""alibabacloud-ecs20140526 inside `ramgate run`: the environment alone says where to call and with which key."""

import os

from alibabacloud_credentials.client import Client as Credential

from checks import check
from v3 import allowed, denied

# The protocol is a matter of code: no variable says it.
SETTINGS = {
    "credential": Credential(),
    "endpoint": os.environ["ECS_ENDPOINT"],
    "protocol": "http",
    "region_id": os.environ["ALIBABA_CLOUD_REGION_ID"],
}

check("the key of the environment attaches", lambda: allowed(**SETTINGS))
check("and is refused where the policies say so", lambda: denied(**SETTINGS))
