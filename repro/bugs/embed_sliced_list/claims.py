"""What the reports of #7894 say, each statement with the rule that judges it."""

from __future__ import annotations

from repro.bugs.declaration import Claim
from repro.bugs.embed_sliced_list import rules

CLAIMS = (
    Claim(
        "sigkill-at-0",
        "The upload is killed (exit 137, SIGKILL) at 0 % of the shards, on the first one",
        "upload notes",
        rules.sigkill,
    ),
    Claim(
        "native-crash",
        "It is a crash in PyArrow's C++ code, with no Python traceback",
        "upload notes, bug note, why large uploads fail",
        rules.native_crash,
    ),
    Claim(
        "binary-limit",
        "The 2 GB limit of pa.binary() is the cause",
        "upload notes (withdrawn there)",
        rules.binary_limit,
    ),
    Claim("empty-list", "It crashes even when the row's list is empty", "upload notes, bug note", rules.empty_list),
    Claim(
        "only-at-scale",
        "It only shows at scale with real data (273 GB); small synthetic files do not trigger it",
        "bug note",
        rules.only_at_scale,
    ),
    Claim(
        "plain-works",
        "Plain Nifti() columns embed fine",
        "upload notes, bug note, why large uploads fail",
        rules.plain_works,
    ),
    Claim(
        "full-works",
        "Embedding the full, unsliced dataset works fine",
        "bug note, why large uploads fail",
        rules.full_works,
    ),
    Claim("select-too", "ds.select() has the same effect as ds.shard()", "upload notes, bug note", rules.select_too),
    Claim("combine-chunks", "combine_chunks() does not help", "upload notes", rules.combine),
    Claim(
        "pandas-works",
        "The pandas round-trip makes the embedding work",
        "upload notes, bug note, why large uploads fail",
        rules.pandas,
    ),
    Claim(
        "contiguous-copy",
        "Forcing a contiguous copy (PR #7896, if array.offset > 0) fixes it",
        "bug note",
        rules.guarded_copy,
    ),
    Claim("no-fix", "There is no known upstream fix", "upload notes", rules.no_upstream_fix),
    Claim(
        "semaphore",
        "The leaked-semaphore warning is a symptom, not the cause",
        "upload notes, why large uploads fail",
        rules.semaphore,
    ),
    Claim("row-size", "A row holds about 1 to 1.5 GB of NIfTI bytes", "upload notes", rules.row_size),
    Claim("in-embed", "The crash is in embed_table_storage()", "upload notes", rules.where),
    Claim("no-accumulation", "It is no accumulation of memory over shards", "upload notes", rules.no_accumulation),
    Claim(
        "large-binary", "pa.large_binary() in place of pa.binary() does not help", "upload notes", rules.large_binary
    ),
    Claim(
        "num-shards", "num_shards=902 alone does not help: it still crashes", "why large uploads fail", rules.num_shards
    ),
    Claim("cohort", "5,164 files of about 273 GB together", "why large uploads fail", rules.cohort),
    Claim(
        "silently-empty",
        "The stable release embeds no bytes and raises no error",
        "why large uploads fail",
        rules.silently_empty,
    ),
    Claim(
        "only-on-main",
        "The fix of that is on main only, not in a release",
        "why large uploads fail",
        rules.only_on_main,
    ),
)
