"""Two-layer towers run fastest on one thread, on a busy machine above all."""

import pytest


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    import torch

    torch.set_num_threads(1)
