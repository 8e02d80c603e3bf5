"""Names that several parts must spell alike: API group, labels, ports, headers."""

GROUP = "penstock.dev"
VERSION = "v1alpha1"
KIND = "ModelDeployment"
PLURAL = "modeldeployments"

LABEL_MODEL_DEPLOYMENT = "penstock.dev/model-deployment"
"""On every object of a ModelDeployment, and by way of its Service on the EndpointSlices: the resource's name."""
LABEL_REVISION = "penstock.dev/revision"
"""The revision that a workload, its Service and its EndpointSlices belong to."""
LABEL_COMPONENT = "app.kubernetes.io/component"
COMPONENT_GATEWAY = "gateway"
COMPONENT_PREDICTOR = "predictor"

PREDICTOR_PORT = 8000
PREDICTOR_GRPC_PORT = 8001
GATEWAY_PORT = 8080
"""Envoy's listener for users."""
GATEWAY_PROBE_PORT = 8081
"""Envoy answers 200 here while it runs: its container's probe."""
GATEWAY_AGENT_PORT = 8082
"""The agent: readiness, acknowledgements, metrics."""
GATEWAY_REPLAY_PORT = 8083
"""Envoy's listener for recorded requests that the drift monitor sends to a candidate."""

HEADER_REQUEST_ID = "x-request-id"
HEADER_DIGEST = "x-penstock-digest"
"""On a predictor's answer: the digest of the model that computed it."""
HEADER_FEATURES = "x-penstock-features"
"""On a predictor's answer to rows that lacked columns: how many values were looked up, and what stands in for which."""
HEADER_SHADOW = "x-penstock-shadow"
"""On a copy of a user's request: nobody sees its answer. Users' own headers `x-penstock-*` are dropped."""
HEADER_REPLAY = "x-penstock-replay"
"""On a recorded request: whose pods are to answer it, as namespace/name/revision."""
HEADER_UNREACHED = "x-penstock-unreached"
"""On the gateway's answer to a recorded request that no pod got: Envoy's flags, which say why."""
HEADER_REVISION = "x-penstock-revision"
"""On a gateway's answer: the revision whose pod was tried last, so whose answer it is where there is one."""
