"""Keys issued by the gateway, through its credentials URI and through AssumeRoleWithOIDC, in both generations of SDKs.

The trusted CA and the credentials URI come from the environment only, which the SDKs read when they are imported.
"""

import json
import os

from checks import ENDPOINT, ENI, FOLDER, PRODUCTION, REGION, WORKER, check, credentials_uri, is_request_id

os.environ["ALIBABA_CLOUD_CA_BUNDLE"] = os.environ["SSL_CERT_FILE"]
os.environ["ALIBABA_CLOUD_CREDENTIALS_URI"] = credentials_uri()
# This machine may be an ECS instance with a role.
os.environ["ALIBABA_CLOUD_ECS_METADATA_DISABLED"] = "true"

from alibabacloud_credentials.client import Client as Credential
from alibabacloud_credentials.models import Config as CredentialConfig
from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.auth.credentials import StsTokenCredential
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.http import protocol_type
from aliyunsdkecs.request.v20140526.AttachNetworkInterfaceRequest import AttachNetworkInterfaceRequest

from v3 import allowed, denied, detailed, refusal, refused_with

ROLE = "acs:ram::1234567890123456:role/terway"
PROVIDER = "acs:ram::1234567890123456:oidc-provider/cluster"


def by_environment():
    """The SDK reads the address from the environment, without a setting in the program."""
    return Credential()


def by_uri():
    return Credential(CredentialConfig(type="credentials_uri", credentials_uri=credentials_uri()))


def by_oidc(token="terway", **more):
    config = CredentialConfig(
        type="oidc_role_arn", role_arn=ROLE, oidc_provider_arn=PROVIDER, role_session_name="python-1",
        oidc_token_file_path=str(FOLDER / f"{token}.jwt"), sts_endpoint=ENDPOINT, **more,
    )
    return Credential(config)


def old(credential, instance):
    """The old SDK, which signs V1, with a key that the new SDK obtained."""
    key = credential.get_credential()
    request = AttachNetworkInterfaceRequest()
    request.set_accept_format("json")
    request.set_endpoint(ENDPOINT)
    request.set_protocol_type(protocol_type.HTTPS)
    request.set_method("POST")
    request.set_NetworkInterfaceId(ENI)
    request.set_InstanceId(instance)
    sts = StsTokenCredential(key.access_key_id, key.access_key_secret, key.security_token)
    return json.loads(AcsClient(region_id=REGION, credential=sts).do_action_with_exception(request))


def old_allowed(credential):
    answer = old(credential, WORKER)
    if not is_request_id(answer["RequestId"]):
        return answer


def old_denied(credential):
    try:
        return old(credential, PRODUCTION)
    except ServerException as error:
        found = (error.get_http_status(), error.get_error_code())
        return None if found == (403, "Forbidden.SubUser") else repr(error)


def no_key(code, **more):
    try:
        return repr(by_oidc(**more).get_credential())
    except Exception as error:
        return None if code in str(error) else repr(error)


def narrowed():
    """The answer to a call under a session policy that denies everything."""
    policy = {"Version": "1", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}
    error = refusal(WORKER, credential=by_oidc(policy=json.dumps(policy)))
    found = (error.status_code, error.code, error.access_denied_detail["PolicyType"])
    return None if found == (403, "Forbidden.SubUser", "SessionPolicy") else repr(error)


def without_token():
    key = by_uri().get_credential()
    found = {"access_key_id": key.access_key_id, "access_key_secret": key.access_key_secret}
    return refused_with("MissingSecurityToken", **found)


ways = {"environment": by_environment(), "uri": by_uri(), "oidc": by_oidc()}
for name, way in ways.items():
    check(f"{name}: an allowed attach (V3) returns a RequestId", lambda: allowed(credential=way))
    check(f"{name}: an allowed attach (V1) returns a RequestId", lambda: old_allowed(way))
check("a denied attach (V3) raises ClientException Forbidden.SubUser", lambda: denied(credential=ways["oidc"]))
check("a denied attach (V1) raises ServerException Forbidden.SubUser", lambda: old_denied(ways["uri"]))
check("the exception carries the AccessDeniedDetail", lambda: detailed(credential=ways["uri"]))
check("a session policy narrows what the key may do", narrowed)
check("a token of another subject gets no key", lambda: no_key("AuthenticationFail.NoPermission", token="alice"))
check("an expired token gets no key", lambda: no_key("AuthenticationFail.OIDCToken.Expired", token="expired"))
check("a key without its token raises MissingSecurityToken", without_token)
