import json
from pathlib import Path

from penstock_testing.cluster import KubernetesCluster


def line(user: str, at: str) -> str:
    return json.dumps({"user": {"username": user}, "requestReceivedTimestamp": at}) + "\n"


def test_calls_of_a_log_that_was_rotated_are_still_there_oldest_first(tmp_path: Path) -> None:
    ours, later = "system:serviceaccount:penstock-system:penstock-controller", "2026-11-28T10:00:00.000000Z"
    (tmp_path / "audit-2026-11-28T10-20-00.000.log").write_text(line(ours, "2026-11-28T10:10:00.000000Z"))
    (tmp_path / "audit-2026-11-28T10-10-00.000.log").write_text(
        line(ours, "2026-11-28T09:59:59.000000Z") + line(ours, later) + line("kubelet", later)
    )
    (tmp_path / "audit.log").write_text(line(ours, "2026-11-28T10:20:00.000000Z") + line(ours, later).rstrip("\n"))
    cluster = KubernetesCluster(context="c", kubeconfig="", images={}, audit_log=tmp_path / "audit.log")
    since = 1795860000.0  # 10:00
    calls = [event["requestReceivedTimestamp"][11:16] for event in cluster.calls_by("system:serviceaccount:", since)]
    assert calls == ["10:00", "10:10", "10:20"]
