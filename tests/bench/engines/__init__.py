"""The peers, each a factory for harness/worker.py: job -> (call, result).

`job` is one of peers.py's. Each is set up as its own documentation tells a user who wants it fast.
"""
