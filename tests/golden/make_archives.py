"""Writes archives/*.pt: TorchScript as torch writes it, sound and unsound, for the archive check.

    python tests/golden/make_archives.py

The modules are compiled from text under the file name "tower.py", because torch stores the source
lines and file names of what it compiles, and those of the computer it ran on have no place in a repository.
"""

import io
import linecache
import sys
import warnings
import zipfile
from pathlib import Path

import torch

SOURCE = '''
import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Tower(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.arange(12.0).view(4, 3) / 8)
        self.scales = [1.0, 2.0]

    def forward(self, pixels: Tensor) -> Tensor:
        x = F.linear(pixels.mean(dim=(2, 3)), self.weight)
        if x.size(0) > 64:
            raise ValueError("too many")
        return x * self.scales[0]


class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.arange(12.0).view(4, 3) / 8)

    def forward(self, pixels: Tensor) -> Tensor:
        x = F.linear(pixels.mean(dim=(2, 3)), self.weight)
        return x.view(x.shape[0], 4)


class SavesInForward(nn.Module):
    def forward(self, pixels: Tensor) -> Tensor:
        torch.save([pixels], "written-by-forward")
        return pixels


class SavesWhenLoaded(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = 1.0

    def forward(self, pixels: Tensor) -> Tensor:
        return pixels * self.scale

    @torch.jit.export
    def __getstate__(self) -> tuple[float, bool]:
        return (self.scale, self.training)

    @torch.jit.export
    def __setstate__(self, state: tuple[float, bool]) -> None:
        torch.save(["loaded"], "written-by-load")
        self.scale = state[0]
        self.training = state[1]


class ReadsFile(nn.Module):
    def forward(self, pixels: Tensor) -> Tensor:
        return pixels + torch.from_file("secret", False, 1)


class Prints(nn.Module):
    def forward(self, pixels: Tensor) -> Tensor:
        print("pixels", pixels)
        return pixels
'''


def without_debug(archive: bytes) -> bytes:
    """The archive written anew by zipfile, without *.debug_pkl: a trace keeps the paths of torch's
    own files there."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(out, "w") as new:
        for info in old.infolist():
            if not info.filename.endswith(".debug_pkl"):
                packing = zipfile.ZIP_DEFLATED if "/code/" in info.filename else zipfile.ZIP_STORED
                new.writestr(zipfile.ZipInfo(info.filename), old.read(info), packing)
    return out.getvalue()


def main() -> None:
    warnings.simplefilter("ignore", FutureWarning)  # of torch.jit, once a call
    out = Path(__file__).parent / "archives"
    out.mkdir(exist_ok=True)
    name = "tower.py"
    linecache.cache[name] = (len(SOURCE), None, SOURCE.splitlines(keepends=True), name)
    tower = type(sys)("tower")
    sys.modules["tower"] = tower
    exec(compile(SOURCE, name, "exec"), tower.__dict__)  # noqa: S102: the text above

    script = torch.jit.script
    example = torch.zeros(2, 3, 4, 4)
    archives = {
        "good_script": script(tower.Tower().eval()),
        "good_trace": torch.jit.trace(tower.Plain().eval(), example),
        "good_frozen": torch.jit.freeze(script(tower.Tower().eval())),
        "good_half": script(tower.Tower().eval().half()),
        "bad_save": script(tower.SavesInForward().eval()),
        "bad_setstate": script(tower.SavesWhenLoaded().eval()),
        "bad_from_file": script(tower.ReadsFile().eval()),
        "bad_print": script(tower.Prints().eval()),
    }
    for file, module in archives.items():
        torch.jit.save(module, str(out / f"{file}.pt"))
    trace = out / "good_trace.pt"
    trace.write_bytes(without_debug(trace.read_bytes()))


if __name__ == "__main__":
    main()
