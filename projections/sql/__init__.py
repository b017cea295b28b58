"""What differs between the databases that hold read models."""
