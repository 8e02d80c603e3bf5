"""A certificate authority of the cluster's own, and an identity for each component: the audit log tells them apart."""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from testcluster.addresses import API_SERVICE
from testcluster.errors import ClusterError

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
_REQUEST = ("req", "-x509", "-config", "openssl.cnf", "-days", "3650", *_KEY)


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
    Identity("metrics-server", "system:metrics-server"),
    Identity("network-policies", "system:network-policies"),
)


def server_names(node: str) -> str:
    service = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")
    names = [f"DNS:{name}" for name in (*service, "localhost")]
    return ",".join([*names, *(f"IP:{address}" for address in ("127.0.0.1", node, str(API_SERVICE)))])


_CONFIGURATION = """[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign, digitalSignature
subjectKeyIdentifier = hash
"""


def make(folder: Path, node: str) -> None:
    """Writes the authority, the certificates of server and clients, and the key that signs service accounts' tokens."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / "openssl.cnf").write_text(_CONFIGURATION)
    own = ("-extensions", "authority", "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=penstock-ca")
    _openssl(folder, *_REQUEST, *own)
    _openssl(folder, "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "sa.key")
    _openssl(folder, "pkey", "-in", "sa.key", "-pubout", "-out", "sa.pub")
    server = ("extendedKeyUsage=serverAuth", f"subjectAltName={server_names(node)}")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        made = [pool.submit(_sign, folder, client, "extendedKeyUsage=clientAuth") for client in CLIENTS]
        made.append(pool.submit(_sign, folder, Identity("server", "kube-apiserver"), *server))
        for one in made:
            one.result()


def _sign(folder: Path, who: Identity, *extensions: str) -> None:
    added = [word for extension in extensions for word in ("-addext", extension)]
    files = ("-keyout", f"{who.file}.key", "-out", f"{who.file}.crt", "-subj", who.subject)
    _openssl(folder, *_REQUEST, "-CA", "ca.crt", "-CAkey", "ca.key", *files, *added)


def _openssl(folder: Path, *arguments: str) -> None:
    done = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise ClusterError(f"openssl {arguments[0]} failed in {folder}: {done.stderr.strip()}")
