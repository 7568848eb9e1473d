"""The set-up: writes down which version was built."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

import pairs

folder = pathlib.Path("build")
folder.mkdir(exist_ok=True)
folder.joinpath("about.txt").write_text(f"{pairs.__doc__}\n")
