"""alibabacloud-ecs20140526 with a token in place of a key, over TLS. The trusted CA is the SDK's setting `ca`."""

from alibabacloud_credentials.client import Client as Credential
from alibabacloud_credentials.models import Config as CredentialConfig

from checks import FOLDER, WORKER, check
from v3 import allowed, attach, denied, detailed, refused_with

CA = {"ca": str(FOLDER / "ca.pem")}


def token(name):
    return (FOLDER / f"{name}.jwt").read_text()


def setting(name):
    """The client's own setting."""
    return {"bearer_token": token(name), **CA}


def credential(name):
    """A credential object of type `bearer`, which programs can share between clients."""
    return {"credential": Credential(CredentialConfig(type="bearer", bearer_token=token(name))), **CA}


def untrusted():
    try:
        attach(WORKER, bearer_token=token("terway"))
    except Exception as error:
        return None if "CERTIFICATE_VERIFY_FAILED" in str(error) else repr(error)
    return "the call succeeded"


# This check must be the first: the SDK reuses connections by host and port, whatever CA they were opened with.
check("a gateway whose CA is not trusted is not called", untrusted)
for how in (setting, credential):
    name = f"bearer as a {how.__name__}"
    check(f"{name}: an allowed attach returns a RequestId", lambda: allowed(**how("terway")))
    check(f"{name}: a denied attach raises ClientException Forbidden.SubUser", lambda: denied(**how("alice")))
    check(f"{name}: the exception carries the AccessDeniedDetail", lambda: detailed(**how("alice")))
    for bad, code in (("expired", "InvalidSecurityToken.Expired"), ("forged", "InvalidSecurityToken.Malformed")):
        check(f"{name}: an invalid token ({bad}) raises {code}", lambda: refused_with(code, **how(bad)))
