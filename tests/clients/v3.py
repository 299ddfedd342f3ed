"""Code that the Python clients of signature V3 share: calls with alibabacloud-ecs20140526."""

from alibabacloud_ecs20140526 import models
from alibabacloud_ecs20140526.client import Client
from alibabacloud_tea_openapi.exceptions import ClientException
from alibabacloud_tea_openapi.utils_models import Config

from checks import DENIED_ON, ENDPOINT, ENI, PRODUCTION, PROTOCOL, REGION, WORKER, is_request_id


def attach(instance, **settings):
    """Attaches the demo's ENI, with these client settings."""
    config = Config(**{"endpoint": ENDPOINT, "protocol": PROTOCOL, "region_id": REGION, **settings})
    request = models.AttachNetworkInterfaceRequest(
        region_id=config.region_id, network_interface_id=ENI, instance_id=instance
    )
    return Client(config).attach_network_interface(request)


def refusal(instance, **settings):
    """The error that the SDK raises."""
    try:
        attach(instance, **settings)
    except ClientException as error:
        return error
    raise AssertionError("the call succeeded")


def allowed(**settings):
    answer = attach(WORKER, **settings)
    if answer.status_code != 200 or not is_request_id(answer.body.request_id):
        return answer


def denied(**settings):
    error = refusal(PRODUCTION, **settings)
    if (error.status_code, error.code) != (403, "Forbidden.SubUser") or not is_request_id(error.request_id):
        return repr(error)


def detailed(**settings):
    found = refusal(PRODUCTION, **settings).access_denied_detail
    if (found["NoPermissionType"], found["AuthResource"]) != ("ExplicitDeny", DENIED_ON):
        return found


def refused_with(code, **settings):
    error = refusal(WORKER, **settings)
    if (error.status_code, error.code) != (400, code):
        return repr(error)
