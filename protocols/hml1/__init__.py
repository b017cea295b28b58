"""HML/1, the open framing for modems that store and forward."""
