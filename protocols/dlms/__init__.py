"""DLMS/COSEM: A-XDR, HDLC, wrapper, application layer, security, client dialogues."""
