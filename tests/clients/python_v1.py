"""aliyun-python-sdk-ecs on aliyun-python-sdk-core (V1: everything in the query)."""

import json

from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.http import protocol_type
from aliyunsdkecs.request.v20140526.AttachNetworkInterfaceRequest import AttachNetworkInterfaceRequest

from checks import ALICE, ENDPOINT, ENI, PRODUCTION, PROTOCOL, REGION, TERWAY, WORKER, check, is_request_id

# The SDK compares these strings by identity, and treats any other string as plain HTTP.
PROTOCOLS = {"http": protocol_type.HTTP, "https": protocol_type.HTTPS}


def attach(key, instance, method="POST"):
    request = AttachNetworkInterfaceRequest()
    request.set_accept_format("json")
    request.set_endpoint(ENDPOINT)
    request.set_protocol_type(PROTOCOLS[PROTOCOL])
    request.set_method(method)
    request.set_NetworkInterfaceId(ENI)
    request.set_InstanceId(instance)
    return json.loads(AcsClient(key[0], key[1], REGION).do_action_with_exception(request))


def refusal(key, instance):
    try:
        attach(key, instance)
    except ServerException as error:
        return error
    raise AssertionError("the call succeeded")


def allowed(method):
    answer = attach(TERWAY, WORKER, method)
    if not is_request_id(answer["RequestId"]):
        return answer


def denied():
    error = refusal(ALICE, PRODUCTION)
    found = (error.get_http_status(), error.get_error_code(), is_request_id(error.get_request_id()))
    if found != (403, "Forbidden.SubUser", True):
        return repr(error)


def wrong_secret():
    error = refusal((TERWAY[0], "not-the-secret"), WORKER)
    if (error.get_http_status(), error.get_error_code()) != (400, "IncompleteSignature"):
        return repr(error)


check("an allowed attach (POST) returns a RequestId", lambda: allowed("POST"))
check("an allowed attach (GET) returns a RequestId", lambda: allowed("GET"))
check("a denied attach raises ServerException Forbidden.SubUser", denied)
check("a wrong secret raises IncompleteSignature", wrong_secret)
