"""A reverse proxy in a pod that speaks TLS by a certificate of our own authority, or lets in who has a password."""

import base64
import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from penstock_testing.cluster import KubernetesCluster, Object

USER, PASSWORD = "puller", "let-me-in"
_PORTS = range(20_000, 30_000)
"""Below node ports and the ports that systems give out."""
_PROXY = """
import http.client, http.server, os, ssl, sys
TARGET, PORT, WANTED = sys.argv[1], int(sys.argv[2]), sys.argv[3]
LEFT_OUT = {"connection", "transfer-encoding", "content-length"}
class Door(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def pass_on(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if WANTED and self.headers.get("authorization") != WANTED:
            return self.answer(401, [("www-authenticate", 'Basic realm="door"')], b"", "0")
        inside = http.client.HTTPConnection(TARGET, timeout=60)
        mine = {"host", "authorization"} if WANTED else {"host"}
        headers = {name: value for name, value in self.headers.items() if name.lower() not in LEFT_OUT | mine}
        inside.request(self.command, self.path, body, headers)
        answer = inside.getresponse()
        content = answer.read()
        length = answer.getheader("content-length") if self.command == "HEAD" else str(len(content))
        self.answer(answer.status, answer.getheaders(), content, length or "0")
    def answer(self, status, headers, content, length):
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in LEFT_OUT:
                self.send_header(name, value)
        self.send_header("content-length", length)
        self.end_headers()
        self.wfile.write(content)
    do_GET = do_HEAD = do_POST = do_PATCH = do_PUT = do_DELETE = pass_on
server = http.server.ThreadingHTTPServer(("", PORT), Door)
if os.path.exists("/door/tls.crt"):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain("/door/tls.crt", "/door/tls.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""


@dataclass(frozen=True)
class Doorkeeper:
    """One in a namespace that may have pods on the node's own network."""

    cluster: KubernetesCluster
    namespace: str

    def guard_by_tls(self, name: str, target: str) -> tuple[str, str]:
        """Start one before a host and port; answers its https address, and its authority's certificate (PEM)."""
        host = f"{name}.{self.namespace}.svc.cluster.local"
        authority, certificate, key = certificates_for(host)
        secret = {"tls.crt": certificate, "tls.key": key}
        metadata = {"name": name, "namespace": self.namespace}
        self.cluster.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": secret})
        ports = [{"port": 443, "targetPort": 8443}]
        self.cluster.apply(
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": metadata,
                "spec": {"selector": {"door": name}, "ports": ports},
            }
        )
        self._start(name, [target, "8443", ""], volumes=[{"name": "door", "secret": {"secretName": name}}])
        return f"https://{host}", authority

    def guard_by_password(self, name: str, target: str) -> str:
        """Start one before a host and port, which asks for USER and PASSWORD; answers its own host and port.

        It listens on the node's own loopback, to which containerd speaks plain HTTP. The port is another one each
        time: a node does not ask for an image that it has by that name, and may have it from an earlier run.
        """
        port = random.choice(_PORTS)
        wanted = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        self._start(name, [target, str(port), wanted], hostNetwork=True)
        return f"localhost:{port}"

    def log(self, name: str) -> str:
        """What it was asked for, and with what status it answered."""
        return self.cluster.kubectl("logs", name, "-n", self.namespace, "--tail=-1")

    def _start(self, name: str, arguments: list[str], *, volumes: list[Object] | None = None, **spec: object) -> None:
        container = {
            "name": "door",
            "image": self.cluster.images["predictor"],
            "command": ["python3", "-u", "-c", _PROXY, *arguments],
            "volumeMounts": [{"name": volume["name"], "mountPath": "/door"} for volume in volumes or []],
        }
        self.cluster.apply(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": name, "namespace": self.namespace, "labels": {"door": name}},
                "spec": {
                    "automountServiceAccountToken": False,
                    "terminationGracePeriodSeconds": 0,
                    "containers": [container],
                    "volumes": volumes or [],
                    **spec,
                },
            }
        )
        where = ("-n", self.namespace)
        self.cluster.kubectl("wait", "--for=condition=Ready", f"pod/{name}", *where, "--timeout=60s")


def pull_secret(name: str, namespace: str, registry: str) -> Object:
    """What kubelets show at a registry that a doorkeeper guards by its password."""
    content = json.dumps({"auths": {registry: {"username": USER, "password": PASSWORD}}})
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/dockerconfigjson",
        "metadata": {"name": name, "namespace": namespace},
        "stringData": {".dockerconfigjson": content},
    }


def certificates_for(host: str) -> tuple[str, str, str]:
    """PEM of an authority's certificate, of one that it signed for a host, and of that one's key."""
    now = datetime.now(UTC)
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority of tests")])

    def builder(subject: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        made = x509.CertificateBuilder().subject_name(subject).issuer_name(authority_name).public_key(public)
        made = made.serial_number(x509.random_serial_number())
        return made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))

    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    authority = (
        builder(authority_name, authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    common = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a door")])
    signed = (
        builder(common, key.public_key())
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return authority.public_bytes(pem).decode(), signed.public_bytes(pem).decode(), private.decode()
