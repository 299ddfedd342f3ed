"""alibabacloud-ecs20140526 inside `ramgate run`: the environment alone says where to call and with which key."""

import os

from alibabacloud_credentials.client import Client as Credential
from alibabacloud_ecs20140526 import models
from alibabacloud_ecs20140526.client import Client
from alibabacloud_tea_openapi.exceptions import ClientException
from alibabacloud_tea_openapi.utils_models import Config

from checks import ENI, PRODUCTION, WORKER, check, is_request_id

region = os.environ["ALIBABA_CLOUD_REGION_ID"]


def attach(instance):
    # The protocol is a matter of code: no variable says it.
    config = Config(
        credential=Credential(), endpoint=os.environ["ECS_ENDPOINT"], protocol="http", region_id=region
    )
    request = models.AttachNetworkInterfaceRequest(
        region_id=region, network_interface_id=ENI, instance_id=instance
    )
    return Client(config).attach_network_interface(request)


def allowed():
    answer = attach(WORKER)
    if answer.status_code != 200 or not is_request_id(answer.body.request_id):
        return answer


def denied():
    try:
        attach(PRODUCTION)
    except ClientException as error:
        if (error.status_code, error.code) == (403, "Forbidden.SubUser"):
            return None
        return repr(error)
    return "the call succeeded"


check("run_v3: the key of the environment attaches", allowed)
check("run_v3: and is refused where the policies say so", denied)
