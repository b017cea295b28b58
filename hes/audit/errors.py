"""What stands in the way of an answer to an auditor."""


class AuditError(Exception):
    """It cannot be told; the message says why, for a person."""
