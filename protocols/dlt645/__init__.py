"""DL/T 645, 1997 and 2007: the protocol of Chinese meters, sans-io."""
