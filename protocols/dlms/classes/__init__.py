"""COSEM interface classes that manage a meter or its modem (IEC 62056-6-2), one a file.

Each says what the attributes of its class are, typed and with units, and what its methods take:
values in, A-XDR out, and back.
"""
