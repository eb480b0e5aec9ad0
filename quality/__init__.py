"""What says how good a dataset is: the audit, the report and the dataset card."""

import os

# Great Expectations reads it when it is imported: no telemetry
os.environ["GX_ANALYTICS_ENABLED"] = "false"
