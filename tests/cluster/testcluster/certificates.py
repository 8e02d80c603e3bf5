"""A certificate authority of the cluster's own, and an identity for each component: the audit log tells them apart."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from testcluster.addresses import API_SERVICE
from testcluster.errors import ClusterError

_DAYS = "3650"
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


@dataclass(frozen=True)
class Identity:
    """Who a certificate speaks for."""

    file: str
    user: str
    group: str = ""

    @property
    def subject(self) -> str:
        return (f"/O={self.group}" if self.group else "") + f"/CN={self.user}"


NODE_NAME = "penstock-node"
ADMIN = Identity("admin", "admin", "system:masters")
CLIENTS = (
    ADMIN,
    Identity("kubelet-client", "kube-apiserver-kubelet-client", "system:masters"),
    Identity("front-proxy", "front-proxy"),
    Identity("controller-manager", "system:kube-controller-manager"),
    Identity("scheduler", "system:kube-scheduler"),
    Identity("kubelet", f"system:node:{NODE_NAME}", "system:nodes"),
    Identity("proxy", "system:kube-proxy"),
    Identity("coredns", "system:coredns"),
    Identity("provisioner", "system:volume-provisioner"),
)


def server_names(node: str) -> str:
    service = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")
    names = [f"DNS:{name}" for name in (*service, "localhost")]
    return ",".join([*names, *(f"IP:{address}" for address in ("127.0.0.1", node, str(API_SERVICE)))])


def make(folder: Path, node: str) -> None:
    """Writes the authority, the certificates of server and clients, and the key that signs service accounts' tokens."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _openssl(
        folder, "req", "-x509", *_KEY, "-keyout", "ca.key", "-out", "ca.crt", "-days", _DAYS, "-subj", "/CN=penstock-ca"
    )
    server = Identity("server", "kube-apiserver")
    _sign(folder, server, f"subjectAltName={server_names(node)}\nextendedKeyUsage=serverAuth\n")
    for client in CLIENTS:
        _sign(folder, client, "extendedKeyUsage=clientAuth\n")
    _openssl(folder, "genrsa", "-out", "sa.key", "2048")
    _openssl(folder, "rsa", "-in", "sa.key", "-pubout", "-out", "sa.pub")


def _sign(folder: Path, who: Identity, extensions: str) -> None:
    request, key, certificate = (f"{who.file}.{ending}" for ending in ("csr", "key", "crt"))
    (folder / f"{who.file}.ext").write_text(extensions)
    _openssl(folder, "req", *_KEY, "-keyout", key, "-out", request, "-subj", who.subject)
    authority = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", _DAYS)
    _openssl(folder, "x509", "-req", "-in", request, *authority, "-out", certificate, "-extfile", f"{who.file}.ext")


def _openssl(folder: Path, *arguments: str) -> None:
    done = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise ClusterError(f"openssl {arguments[0]} failed in {folder}: {done.stderr.strip()}")
