"""Installs one hashed requirements file into the virtual environment that runs this.

Used by the Makefile and by the other scripts; imports nothing beyond the standard
library.
"""

import os
import subprocess
import sys
from pathlib import Path

_QUIET_PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")


def _with_uv(requirements: Path) -> bool:
    """Try uv, which is several times faster than pip; False when it is absent or fails."""
    # uv must use the interpreter of this environment and never fetch another one.
    environment = os.environ | {"UV_PYTHON_DOWNLOADS": "never"}
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", sys.executable]
    command += ["--require-hashes", "--requirement", str(requirements)]
    return subprocess.run(command, env=environment, check=False).returncode == 0


def _with_pip(requirements: Path) -> None:
    """Install by pip, which reads settings (an index, a certificate) that uv does not."""
    command = [sys.executable, *_QUIET_PIP, "--require-hashes", "--requirement", str(requirements)]
    subprocess.run(command, check=True)


def install(requirements: Path) -> None:
    """Install what the file lists, at the versions and hashes that it gives.

    Raises:
        SystemExit: outside a virtual environment, where it would change the machine's own Python.
        subprocess.CalledProcessError: neither uv nor pip could install it.
    """
    if sys.prefix == sys.base_prefix:
        raise SystemExit("Run this with the project's own Python: .venv/bin/python")
    if not _with_uv(requirements):
        print("uv could not install it; trying pip, which is slower.", file=sys.stderr)
        _with_pip(requirements)


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        install(Path(argument))
