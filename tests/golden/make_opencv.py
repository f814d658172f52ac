"""Writes tests/golden/pixels/sweep/opencv.txt: 500 random preprocesses with cv2.resize INTER_LINEAR.

The lines are those of make_sweep.py. Needs numpy and opencv-python-headless 4.12.0.88, which are
not among the project's packages: run it with a Python environment of its own.
"""

import pathlib

import cv2
import numpy as np

from pixel_cases import cropped_or_padded, normalized, sweep, synthetic

OUT = pathlib.Path(__file__).parent / "pixels" / "sweep" / "opencv.txt"


def opencv(case):
    pixels = synthetic("RGB", case.pattern, case.number, case.width, case.height)
    resized = cv2.resize(pixels, case.resized, interpolation=cv2.INTER_LINEAR)
    rgb = cropped_or_padded(
        resized, case.target_width, case.target_height, case.crop, case.fill)
    return normalized(rgb, case.rescale, case.channels)


def halving(case):
    """Every 20th case shrinks by exactly 2 along both axes, which OpenCV does in another way."""
    if case.number % 20 == 0:
        case.geometry = case.how["geometry"] = "squash"
        case.fill = 0
        case.width, case.height = 2 * case.target_width, 2 * case.target_height
    return case


def main():
    assert cv2.__version__ == "4.12.0", cv2.__version__
    cases = sweep("opencv", 500, rgb=["before"], interpolation=["bilinear"], align_corners=[False])
    OUT.write_text("".join(case.line(opencv(case)) for case in map(halving, cases)))


if __name__ == "__main__":
    main()
