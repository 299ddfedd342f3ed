"""alibabacloud-ecs20140526 (V3: ACS3-HMAC-SHA256)."""

import sys

from alibabacloud_ecs20140526 import models
from alibabacloud_ecs20140526.client import Client
from alibabacloud_tea_openapi.exceptions import ClientException
from alibabacloud_tea_openapi.utils_models import Config

from checks import ALICE, DENIED_ON, ENI, PRODUCTION, REGION, TERWAY, WORKER, check, is_request_id

endpoint = sys.argv[1]


def attach(key, instance):
    config = Config(
        access_key_id=key[0],
        access_key_secret=key[1],
        endpoint=endpoint,
        protocol="http",
        region_id=REGION,
    )
    request = models.AttachNetworkInterfaceRequest(
        region_id=REGION, network_interface_id=ENI, instance_id=instance
    )
    return Client(config).attach_network_interface(request)


def refusal(key, instance):
    try:
        attach(key, instance)
    except ClientException as error:
        return error
    raise AssertionError("the call succeeded")


def allowed():
    answer = attach(TERWAY, WORKER)
    if answer.status_code != 200 or not is_request_id(answer.body.request_id):
        return answer


def denied():
    error = refusal(ALICE, PRODUCTION)
    if (error.status_code, error.code) != (403, "Forbidden.SubUser") or not is_request_id(error.request_id):
        return repr(error)


def detail():
    found = refusal(ALICE, PRODUCTION).access_denied_detail
    if (found["NoPermissionType"], found["AuthResource"]) != ("ExplicitDeny", DENIED_ON):
        return found


def wrong_secret():
    error = refusal((TERWAY[0], "not-the-secret"), WORKER)
    if (error.status_code, error.code) != (400, "SignatureDoesNotMatch"):
        return repr(error)


check("python_v3: an allowed attach returns a RequestId", allowed)
check("python_v3: a denied attach raises ClientException Forbidden.SubUser", denied)
check("python_v3: the exception carries the AccessDeniedDetail", detail)
check("python_v3: a wrong secret raises SignatureDoesNotMatch", wrong_secret)
