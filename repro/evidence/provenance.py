"""Where a result comes from: kit version and commit, time, kind of machine. Never who, and no name of a machine."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import socket
import subprocess
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from repro import __version__, places

GIT_TIMEOUT_S = 5.0


def provenance() -> dict[str, Any]:
    """The ``provenance`` entry of an evidence file.

    ``git`` is ``None`` outside a checkout of the kit; ``memory_bytes`` is the machine's; ``cpus`` are logical ones.
    """
    return {
        "kit_version": __version__,
        "git": git_state(places.checkout()),
        "time_utc": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "machine": machine(),
    }


def git_state(checkout: Path | None) -> dict[str, Any] | None:
    """``{"commit": sha, "dirty": bool}``; ``None`` without git, without a commit, or if the repository is another's."""
    if checkout is None or _git(checkout, "rev-parse", "--show-prefix") != "":
        return None  # no repository, or the kit lies somewhere inside another project's
    commit = _git(checkout, "rev-parse", "--verify", "HEAD")
    changes = _git(checkout, "status", "--porcelain")
    return {"commit": commit, "dirty": changes != ""} if commit and changes is not None else None


def machine() -> dict[str, Any]:
    """Operating system, architecture, CPUs, memory (bytes) and Python: what a maintainer asks for, and no names."""
    # The tail of a kernel release ("6.1.0-13-cloud") may name the company that built it.
    release = platform.mac_ver()[0] or platform.release()
    numbers = re.match(r"\d+(?:\.\d+)*", release)
    return {
        "os": "macOS" if platform.system() == "Darwin" else platform.system(),
        "release": numbers[0] if numbers else "",
        "libc": " ".join(platform.libc_ver()).strip(),
        "arch": platform.machine(),
        "cpus": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "python": platform.python_version(),
    }


def machine_id() -> str:
    """Eight hex digits that tell machines apart and name none.

    The host name alone could be guessed from its hash, and the id alone is the same on machines of one disk image.
    """
    ids = [path for path in (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id")) if path.is_file()]
    own = ids[0].read_text("utf-8") if ids else str(uuid.getnode())
    return hashlib.sha256(f"datasets-repro {own.strip()} {socket.gethostname()}".encode()).hexdigest()[:8]


def _git(folder: Path, *arguments: str) -> str | None:
    """Output of a git command that changes nothing; ``None`` if it failed, is missing or takes too long."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            check=True,
            capture_output=True,
            text=True,
            timeout=GIT_TIMEOUT_S,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return done.stdout.strip()
