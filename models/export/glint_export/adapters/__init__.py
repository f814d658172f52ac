"""Checkpoints of learned prompts, adapters and caches to packages that extend a base.

A module a method.  Each has `parts_of`, for tensors in hand, and `read`, for the files that the
released code saves.
"""
