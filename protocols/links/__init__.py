"""How a modem says who it is and how it carries meter bytes."""
