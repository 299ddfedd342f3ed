"""Creates the folder of a gateway with TLS that trusts a token issuer and issues keys: secured.py FOLDER POLICIES.

The folder gets a CA and a server certificate, the issuer's key set (EC and RSA), the tokens that the clients send, and
the policies with a role that can be assumed. The key of the gateway's own issuer is created by `ramgate key issuer`.
"""

import base64
import ipaddress
import json
import os
import shutil
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from checks import ALICE, TERWAY

folder, policies = Path(sys.argv[1]), sys.argv[2]
ISSUER = "https://kubernetes.default.svc"
SUBJECTS = {"terway": "system:serviceaccount:kube-system:terway", "alice": "system:serviceaccount:people:alice"}

CONFIGURATION = f"""\
listen = "127.0.0.1:0"
policies = ["policies"]

[upstream]
url = "simulator"

[tls]
certificate = "tls.pem"
key = "tls.key"

[[identity.jwt]]
issuer = "{ISSUER}"
provider = "cluster"
audience = ["ramgate"]
jwks = "jwks.json"
principals = [
  {{ sub = "{SUBJECTS["terway"]}", principal = "role/terway" }},
  {{ sub = "{SUBJECTS["alice"]}", principal = "user/alice" }},
]

[identity.issuer]
enabled = true
key_file = "issuer.key"

[identity.issuer.credentials]
listen = "127.0.0.1:0"

[[identity.issuer.credentials.uri]]
path = "/terway"
role = "role/terway"
from = ["127.0.0.0/8"]
"""

TRUST = {
    "Version": "1",
    "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": ["ecs.aliyuncs.com"]}},
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Federated": ["acs:ram::1234567890123456:oidc-provider/cluster"]},
            "Condition": {"StringEquals": {"oidc:sub": SUBJECTS["terway"]}},
        },
    ],
}


def write(name, text):
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    os.chmod(folder / name, 0o600)


def named(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def certificate(subject, key, issuer, issuer_key, *extensions):
    now = datetime.now(timezone.utc)
    builder = x509.CertificateBuilder(
        named(issuer), named(subject), key.public_key(), x509.random_serial_number(),
        now - timedelta(minutes=5), now + timedelta(days=1),
    )
    of_key = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    of_issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    for extension, critical in ((of_key, False), (of_issuer, False), *extensions):
        builder = builder.add_extension(extension, critical)
    return builder.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def listener():
    authority, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    usage = dict.fromkeys(
        ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
         "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"), False,
    )
    signs = x509.KeyUsage(**{**usage, "key_cert_sign": True, "crl_sign": True})
    is_authority = ((x509.BasicConstraints(ca=True, path_length=0), True), (signs, True))
    write("ca.pem", certificate("clients' CA", authority, "clients' CA", authority, *is_authority))
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    is_server = ((names, False), (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False))
    write("tls.pem", certificate("gateway", key, "clients' CA", authority, *is_server))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write("tls.key", key.private_bytes(*form))


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, size):
    return encoded(value.to_bytes(size, "big"))


class Ec:
    """ES256."""

    def __init__(self, kid):
        self.kid, self.key = kid, ec.generate_private_key(ec.SECP256R1())

    def jwk(self):
        at = self.key.public_key().public_numbers()
        return {"kty": "EC", "crv": "P-256", "kid": self.kid, "use": "sig", "x": number(at.x, 32), "y": number(at.y, 32)}

    def signature(self, text):
        r, s = decode_dss_signature(self.key.sign(text, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    algorithm = "ES256"


class Rsa:
    """RS256."""

    def __init__(self, kid):
        self.kid, self.key = kid, rsa.generate_private_key(65537, 2048)

    def jwk(self):
        of = self.key.public_key().public_numbers()
        return {"kty": "RSA", "kid": self.kid, "use": "sig", "n": number(of.n, 256), "e": number(of.e, 3)}

    def signature(self, text):
        return self.key.sign(text, padding.PKCS1v15(), hashes.SHA256())

    algorithm = "RS256"


def token(key, subject, begins, ends):
    now = int(time.time())
    head = {"alg": key.algorithm, "kid": key.kid, "typ": "JWT"}
    claims = {"iss": ISSUER, "aud": ["ramgate"], "sub": SUBJECTS[subject]}
    claims |= {"iat": now + begins, "nbf": now + begins, "exp": now + ends}
    text = ".".join(encoded(json.dumps(part).encode()) for part in (head, claims))
    return f"{text}.{encoded(key.signature(text.encode()))}"


def trusting():
    """The policies, with a role that can be assumed with the cluster's tokens and through the credentials URI."""
    shutil.copytree(policies, folder / "policies")
    account = (folder / "policies" / "account.toml").read_text()
    role = "[roles.terway]\n"
    assert role in account
    write("policies/account.toml", account.replace(role, f'{role}trust = "terway-trust"\n'))
    write("policies/terway-trust.json", json.dumps(TRUST))


trusting()
keys = [Ec("ec"), Rsa("rsa")]
listener()
write("jwks.json", json.dumps({"keys": [key.jwk() for key in keys]}))
write("terway.jwt", token(keys[0], "terway", -60, 3600))
write("alice.jwt", token(keys[1], "alice", -60, 3600))
write("expired.jwt", token(keys[0], "terway", -7200, -3600))
write("forged.jwt", token(Ec("ec"), "terway", -60, 3600))
entry = '[[access_key]]\nid = "{}"\nsecret = "{}"\nprincipal = "{}"\n'
write("keyring.toml", entry.format(*TERWAY, "role/terway") + entry.format(*ALICE, "user/alice"))
write("ramgate.toml", CONFIGURATION)
