"""How long a target environment takes that exists already: the call that every run makes first.

``python benchmarks/provisioning.py``. A missing environment is made before the clock starts, and shown as well.
"""

from __future__ import annotations

from statistics import median

from measure import Row, seconds, table, timed

from repro import bugs, places, targets
from repro.bugs.declaration import FixKind
from repro.model import TargetInfo

SPEC = "datasets==5.2.0 pyarrow==24.0.0"
PATCHED = "datasets==5.1.0 pyarrow==24.0.0"
REPEATS = 10
AIM_S = 0.5


def run() -> list[Row]:
    bug = bugs.load("embed-sliced-list")
    patch = next(fix.path for fix in bug.fixes if fix.kind is FixKind.PATCH)
    rows = []
    for name, spec, applied in ((SPEC, SPEC, None), (f"{PATCHED} with a patch", PATCHED, patch)):

        def provide(spec: str = spec, applied: object = applied) -> None:
            path = patch if applied else None
            made = targets.provision(spec, cache=places.cache(), requires=bug.needs, patch=path)
            if not isinstance(made, TargetInfo):
                raise RuntimeError(f"no such environment: {made.reason}")

        first = timed(provide)
        times = [timed(provide) for _ in range(REPEATS)]
        rows.append(Row(f"{name}: first call here", seconds([first])))
        rows.append(Row(f"{name}: warm", seconds(times), f"≤ {AIM_S} s", median(times) <= AIM_S))
    return rows


def main() -> None:
    print(table(run(), "Provisioning"))


if __name__ == "__main__":
    main()
