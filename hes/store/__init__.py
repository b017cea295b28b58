"""The event log: recorders for the databases, the stored form, snapshots."""
