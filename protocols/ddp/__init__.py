"""The DDP framing of cellular modems: 7B ... 7B."""
