"""The dataset card; audits and reports."""
