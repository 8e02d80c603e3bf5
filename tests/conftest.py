"""For every test, also when pytest is started without make."""

import os

# None of the libraries may call home, in this process or in one that a test starts.
os.environ |= {"ORT_DISABLE_TELEMETRY": "1", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
