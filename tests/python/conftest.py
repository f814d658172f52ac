"""Two-layer towers run fastest on one thread, on a busy machine above all."""

import pytest


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def adapters():
    """The base of the checkpoints in golden/adapter_checkpoints, but for those of whole models."""
    import adapter_support

    return adapter_support.base("adapters")


@pytest.fixture(scope="session")
def prompts():
    """The base of MaPLe's, IVLP's and VPT's checkpoints."""
    import adapter_support

    return adapter_support.base("prompts")


@pytest.fixture
def save(tmp_path):
    """Writes a state dict as Dassl does."""
    import torch

    def write(state, **others):
        torch.save({"state_dict": state, "epoch": 3, **others}, tmp_path / "model.pth.tar-3")
        return tmp_path / "model.pth.tar-3"

    return write
