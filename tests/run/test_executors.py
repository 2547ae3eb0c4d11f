"""What --executor takes: the pool by default, a cluster by name, and one line that says what is missing."""

from __future__ import annotations

import sys

import pytest

from repro.errors import EnvironmentFault, UserError
from repro.run.executors import executor
from repro.run.pool import Pool


def test_without_a_name_jobs_run_in_the_pool_of_this_machine():
    with executor() as where:
        assert isinstance(where, Pool)


@pytest.mark.parametrize("words", ["", "slurm", "dask:0", "dask:many", "dask:/x", "jobqueue", "jobqueue:"])
def test_an_unknown_executor_is_refused_with_all_forms(words):
    with pytest.raises(UserError, match="give dask, dask:WORKERS, dask://HOST:PORT or jobqueue:NAME"), executor(words):
        pass


def test_without_dask_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.delitem(sys.modules, "repro.run.cluster", raising=False)
    with pytest.raises(UserError, match=r"pip install 'datasets-repro\[dask\]'"), executor("dask"):
        pass


def test_without_dask_jobqueue_it_says_what_to_install(monkeypatch):
    pytest.importorskip("distributed", reason="Dask is not installed: make env EXTRA=dask")
    monkeypatch.setitem(sys.modules, "dask_jobqueue", None)
    with pytest.raises(UserError, match="pip install dask-jobqueue"), executor("jobqueue:slurm"):
        pass


def test_where_no_scheduler_answers_it_says_how_to_start_one():
    pytest.importorskip("distributed", reason="Dask is not installed: make env EXTRA=dask")
    with pytest.raises(EnvironmentFault, match="start one with 'dask scheduler'"), executor("dask://127.0.0.1:1"):
        pass
