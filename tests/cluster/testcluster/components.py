"""The cluster's processes: their configuration files and command lines, as data. Nothing here touches the machine."""

import json
from dataclasses import dataclass
from pathlib import Path

from testcluster.addresses import POD_RANGE, PODS, SERVICES, Addresses
from testcluster.certificates import NODE_NAME

REGISTRY_PORT = 5000
DNS_READY_PORT = 8181
METRICS_PORT = 4443
CONTAINERD_SOCKET = "/run/containerd/containerd.sock"


@dataclass(frozen=True)
class ClusterLayout:
    """Where one cluster's things are."""

    state: Path
    binaries: Path
    registry: Path
    addresses: Addresses

    def kubeconfig(self, identity: str) -> Path:
        return self.state / "kubeconfigs" / identity


def files(at: ClusterLayout) -> dict[str, str]:
    """Every configuration file, by its path below the state folder."""
    return {
        "cni/10-bridge.conflist": json.dumps(_pod_network(at), indent=1),
        "containerd.toml": _containerd(at),
        "kubelet.yaml": json.dumps(_kubelet(at), indent=1),
        "resolv.conf": f"nameserver {at.addresses.node}\n",
        "Corefile": _corefile(at),
        "audit-policy.yaml": json.dumps(_audit_policy(), indent=1),
        "registry.yml": json.dumps(_registry(at), indent=1),
        "metrics-server.json": json.dumps(_metrics_endpoints(at), indent=1),
    }


def _pod_network(at: ClusterLayout) -> dict[str, object]:
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isGateway": True,
        "ipMasq": False,
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "dataDir": str(at.state / "cni-addresses"),
            "ranges": [[{"subnet": str(POD_RANGE)}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "1.0.0", "name": "pods", "plugins": [bridge, ports]}


def _containerd(at: ClusterLayout) -> str:
    # restrict_oom_score_adj: without it and CAP_SYS_RESOURCE, every pod fails: "can't get final child's PID from pipe"
    unused = ", ".join(f'"io.containerd.snapshotter.v1.{name}"' for name in ("devmapper", "zfs", "btrfs"))
    return f"""version = 2
root = "{at.state}/containerd"
state = "/run/containerd"
disabled_plugins = [{unused}]
[grpc]
  address = "{CONTAINERD_SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  restrict_oom_score_adj = true
  max_concurrent_downloads = 6
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{at.state}/cni"
"""


def _kubelet(at: ClusterLayout) -> dict[str, object]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{at.state}/pki/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "address": at.addresses.node,
        "clusterDNS": [at.addresses.node],
        "clusterDomain": "cluster.local",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{at.addresses.link}",  # a kubelet kills the pods of another one that shares its root
        "failCgroupV1": False,
        "failSwapOn": False,
        "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
        "resolvConf": f"{at.state}/resolv.conf",
        "rotateCertificates": False,
        "serializeImagePulls": False,
        "registryPullQPS": 0,
        "eventRecordQPS": 0,
        "evictionHard": {
            "memory.available": "200Mi",
            "nodefs.available": "1%",
            "imagefs.available": "1%",
            "nodefs.inodesFree": "1%",
        },
        "imageGCHighThresholdPercent": 100,
        "registerNode": True,
        "maxPods": 500,  # many small resources on one node
    }


def _corefile(at: ClusterLayout) -> str:
    node = at.addresses.node
    return f""".:53 {{
  bind {node}
  errors
  health 127.0.0.1:8080
  ready {node}:{DNS_READY_PORT}
  kubernetes cluster.local in-addr.arpa ip6.arpa {{
    kubeconfig {at.kubeconfig("coredns")}
    pods insecure
    ttl 5
  }}
  cache 5
  loadbalance
}}
"""


def _audit_policy() -> dict[str, object]:
    """Every write, and whatever a workload asks: Kubernetes' own readers would fill the disk."""
    writes = {"level": "Metadata", "verbs": ["create", "update", "patch", "delete", "deletecollection"]}
    kubernetes = {"level": "None", "userGroups": ["system:serviceaccounts:kube-system"]}
    workloads = {"level": "Metadata", "userGroups": ["system:serviceaccounts"]}
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [writes, kubernetes, workloads, {"level": "None"}],
    }


def _registry(at: ClusterLayout) -> dict[str, object]:
    return {
        "version": 0.1,
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(at.registry)}, "cache": {"blobdescriptor": "inmemory"}},
        "http": {"addr": f"0.0.0.0:{REGISTRY_PORT}", "secret": "one node, no users"},
    }


def _metrics_endpoints(at: ClusterLayout) -> dict[str, object]:
    """Where the API server finds metrics-server: its Service has no pods, for it runs beside the node."""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": "metrics-server",
            "namespace": "kube-system",
            "labels": {"kubernetes.io/service-name": "metrics-server"},
        },
        "addressType": "IPv4",
        "ports": [{"name": "https", "port": METRICS_PORT, "protocol": "TCP"}],
        "endpoints": [{"addresses": [at.addresses.node], "conditions": {"ready": True}}],
    }


def commands(at: ClusterLayout) -> dict[str, list[str]]:
    """Every process of the node, by name, in the order they are started."""
    kube = str(at.binaries / "kube")
    return {
        "etcd": [kube, "etcd", *_etcd_flags(at)],
        "containerd": ["containerd", "-c", f"{at.state}/containerd.toml"],
        "registry": ["docker-registry", "serve", f"{at.state}/registry.yml"],
        "apiserver": [kube, "kube-apiserver", *_api_server_flags(at)],
        "controller-manager": [kube, "kube-controller-manager", *_controller_manager_flags(at)],
        "scheduler": [kube, "kube-scheduler", f"--kubeconfig={at.kubeconfig('scheduler')}", "--leader-elect=false"],
        "kubelet": [kube, "kubelet", *_kubelet_flags(at)],
        "proxy": [kube, "kube-proxy", *_proxy_flags(at)],
        "coredns": [str(at.binaries / "coredns"), "-conf", f"{at.state}/Corefile"],
        "provisioner": [kube, "volume-provisioner", *_provisioner_flags(at)],
        "metrics-server": [kube, "metrics-server", *_metrics_server_flags(at)],
        "network-policies": [kube, "network-policies", *_network_policies_flags(at)],
    }


def _etcd_flags(at: ClusterLayout) -> list[str]:
    client, peer = "http://127.0.0.1:2379", "http://127.0.0.1:2380"
    # no fsync: what this cluster knows need not survive a power cut
    return [
        "--name=node",
        f"--data-dir={at.state}/etcd",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        "--unsafe-no-fsync",
    ]


def _api_server_flags(at: ClusterLayout) -> list[str]:
    pki = at.state / "pki"
    return [
        "--etcd-servers=http://127.0.0.1:2379",
        f"--advertise-address={at.addresses.node}",
        "--secure-port=6443",
        f"--service-cluster-ip-range={SERVICES}",
        f"--tls-cert-file={pki}/server.crt",
        f"--tls-private-key-file={pki}/server.key",
        f"--client-ca-file={pki}/ca.crt",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={pki}/sa.pub",
        f"--service-account-signing-key-file={pki}/sa.key",
        f"--kubelet-client-certificate={pki}/kubelet-client.crt",
        f"--kubelet-client-key={pki}/kubelet-client.key",
        "--kubelet-preferred-address-types=InternalIP",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        f"--requestheader-client-ca-file={pki}/ca.crt",
        "--requestheader-allowed-names=front-proxy",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        f"--proxy-client-cert-file={pki}/front-proxy.crt",
        f"--proxy-client-key-file={pki}/front-proxy.key",
        "--enable-aggregator-routing",
        "--allow-privileged=true",
        f"--audit-policy-file={at.state}/audit-policy.yaml",
        f"--audit-log-path={at.state}/audit.log",
    ]


def _controller_manager_flags(at: ClusterLayout) -> list[str]:
    kubeconfig = at.kubeconfig("controller-manager")
    return [
        f"--kubeconfig={kubeconfig}",
        f"--service-account-private-key-file={at.state}/pki/sa.key",
        f"--root-ca-file={at.state}/pki/ca.crt",
        "--use-service-account-credentials",
        "--leader-elect=false",
        "--allocate-node-cidrs=false",
        "--kube-api-qps=500",  # the default of 20 makes its forty controllers queue up for five seconds
        "--kube-api-burst=500",
        # a load that changes is answered within seconds, not within the minutes that suit a production cluster
        "--horizontal-pod-autoscaler-sync-period=2s",
        "--horizontal-pod-autoscaler-downscale-stabilization=20s",
        "--horizontal-pod-autoscaler-initial-readiness-delay=5s",
        "--horizontal-pod-autoscaler-cpu-initialization-period=60s",
    ]


def _kubelet_flags(at: ClusterLayout) -> list[str]:
    return [
        f"--config={at.state}/kubelet.yaml",
        f"--kubeconfig={at.kubeconfig('kubelet')}",
        f"--node-ip={at.addresses.node}",
        f"--hostname-override={NODE_NAME}",
    ]


def _proxy_flags(at: ClusterLayout) -> list[str]:
    return [
        f"--kubeconfig={at.kubeconfig('proxy')}",
        f"--hostname-override={NODE_NAME}",
        f"--cluster-cidr={PODS}",
        "--proxy-mode=iptables",
        "--iptables-min-sync-period=100ms",  # the default of 1 s is made for thousands of services
        "--conntrack-max-per-core=0",  # otherwise it would change a limit of the whole machine
        "--conntrack-tcp-timeout-established=0",
        "--conntrack-tcp-timeout-close-wait=0",
    ]


def _provisioner_flags(at: ClusterLayout) -> list[str]:
    return [
        f"--kubeconfig={at.kubeconfig('provisioner')}",
        f"--directory={at.state}/volumes",
        f"--node={NODE_NAME}",
    ]


def _metrics_server_flags(at: ClusterLayout) -> list[str]:
    kubeconfig = at.kubeconfig("metrics-server")
    return [
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        f"--bind-address={at.addresses.node}",
        f"--secure-port={METRICS_PORT}",
        f"--cert-dir={at.state}/metrics-server",
        "--kubelet-insecure-tls",  # the kubelet signs its own certificate
        "--kubelet-preferred-address-types=InternalIP",
        "--kubelet-request-timeout=5s",
        "--metric-resolution=10s",  # it takes no shorter one
    ]


def _network_policies_flags(at: ClusterLayout) -> list[str]:
    return [
        f"--kubeconfig={at.kubeconfig('network-policies')}",
        f"--node={NODE_NAME}",
        f"--service-cluster-ip-range={SERVICES}",
    ]
