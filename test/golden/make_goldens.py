"""Writes data/ops.json and data/trajectories.json, which the tests in this folder compare with.

    python3 test/golden/make_goldens.py

Needs NumPy and PyTorch (written with 1.13; any later one gives the same up to the last digits).
The same machine gives the same files each time.
"""

import json
from pathlib import Path

import torch

import threefry
from op_goldens import op_goldens
from trajectory_goldens import trajectory_goldens

DATA = Path(__file__).parent / "data"


def write(name, entries):
    """One entry a line, so that a change shows where it is."""
    lines = ",\n".join(json.dumps(entry, allow_nan=False) for entry in entries)
    (DATA / name).write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    threefry.check()
    DATA.mkdir(exist_ok=True)
    write("ops.json", op_goldens())
    write("trajectories.json", trajectory_goldens())
