"""How small does a script of 120 lines become (it resumes a stream, and rows are lost), and what does that cost?"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from repro import Lab, places

SCRIPT = Path(__file__).with_name("long_script.py")


def main(arguments: list[str] | None = None) -> None:
    """Print what is left of the script, and what it cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--affected", default="datasets==5.0.0")
    parser.add_argument("--healthy", default="datasets==5.1.0")
    parser.add_argument("--time", default="5min")
    parser.add_argument("--jobs", type=int)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="shrink-") as folder:
        lab = Lab(given.affected, timeout="60s", reports=Path(folder), cache=places.cache())
        shown = lab.scripts.shrink(
            str(SCRIPT),
            healthy=given.healthy,
            most=given.time,
            jobs=given.jobs,
            output=Path(folder) / "long_script_min.py",
            fresh=True,
            say=lambda line: print(line, flush=True),
        )
    print(f"\n{shown!r}")


if __name__ == "__main__":
    main()
