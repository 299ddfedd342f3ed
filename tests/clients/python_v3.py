"""alibabacloud-ecs20140526 (V3: ACS3-HMAC-SHA256) with keys."""

from checks import ALICE, TERWAY, check
from v3 import allowed, denied, detailed, refused_with


def key(pair):
    return {"access_key_id": pair[0], "access_key_secret": pair[1]}


check("an allowed attach returns a RequestId", lambda: allowed(**key(TERWAY)))
check("a denied attach raises ClientException Forbidden.SubUser", lambda: denied(**key(ALICE)))
check("the exception carries the AccessDeniedDetail", lambda: detailed(**key(ALICE)))
wrong = key((TERWAY[0], "not-the-secret"))
check("a wrong secret raises SignatureDoesNotMatch", lambda: refused_with("SignatureDoesNotMatch", **wrong))
