"""For every test, also when pytest is started without make."""

import os

from hypothesis import settings

# None of the libraries may call home, in this process or in one that a test starts.
os.environ |= {"ORT_DISABLE_TELEMETRY": "1", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}

# The same examples on every machine and in every run: what is red here is red for everybody. No limit on an example's
# time: machines differ.
settings.register_profile("same-everywhere", derandomize=True, deadline=None, database=None)
settings.load_profile("same-everywhere")
