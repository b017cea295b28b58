"""Objects of a simulated meter that manage it or its modem, one class a file."""
