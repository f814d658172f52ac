"""What peers.py is made of: processes that are timed in turn, and the arithmetic of their times."""
