"""Recipe: cache examples in shards of Arrow IPC: memory and shards bounded in bytes, published in one step.

Put this in a project: it needs `pyarrow` and `numpy`; Pillow for images that are not bytes or files yet.

    write_cache(examples, {"scan": File(), "label": ClassLabel(["no", "yes"])}, "cache", budget="64MiB")
    cache = open_cache("cache")
    cache[7]["scan"]                              # a view of its bytes in the mapped file
    cache.as_dataset()                            # a `datasets.Dataset` over the same pages

`features` is a dict of these classes or names of Arrow types (`"int64"`, `"string"`), or a `datasets.Features`. The
recipe's own types have 64-bit offsets; those of `datasets` stay what `datasets` makes of them, where one value ends at
2 GiB. Lists and dicts nest.

In the folder: `current` names the published version (a folder `v-...` of shards with `cache.json`) and `.lock` keeps
writers apart. A reader holds a shared lock on the `cache.json` of its version; a version is removed once it is no
longer current and nobody holds it, by the writer or by its last reader. What a dead writer left is removed, or resumed,
by the next one. Several writers: `plan`, then `write_part` anywhere, then `commit`.
"""

from __future__ import annotations

from .features import Array3D, CacheError, ClassLabel, File, Image, Nifti, RowError, Sequence, Video
from .parts import Plan
from .reading import Cache, Column, open_cache, validate
from .versions import Meta
from .writing import commit, plan, write_cache, write_part

__all__ = [
    "Array3D", "Cache", "CacheError", "ClassLabel", "Column", "File", "Image", "Meta", "Nifti", "Plan", "RowError",
    "Sequence", "Video", "commit", "open_cache", "plan", "validate", "write_cache", "write_part",
]  # fmt: skip
