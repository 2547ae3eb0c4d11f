#!/bin/sh
# Make .venv hold exactly what requirements.lock names, and the kit itself as an editable install.
#
#   sh tools/environment.sh [PYTHON]            make or refresh .venv; PYTHON is the interpreter to use
#   sh tools/environment.sh --find [PYTHON]     only print the interpreter that would be used
#
# .venv/.ready is written last and holds the folder it was made for: without it, or in another folder, nothing is
# trusted. .venv/.making is there while the work lasts: whoever finds it knows that the last run was killed.
# The variable EXTRA names another lock to install, requirements-EXTRA.lock; .venv/.extra remembers it.
set -eu
cd "$(dirname "$0")/.."
here=$(pwd -P) # as make's CURDIR has it, whatever link led here

fail() {
    echo "error: $*" >&2
    exit 1
}

# Says what an interpreter is good for; must run on any Python, however old. The base interpreter is what counts: the
# one asked may be a pyenv shim, or sit in a .venv that is about to be removed.
probe='
import sys
version = "%d.%d.%d" % sys.version_info[:3]
if sys.version_info < (3, 11):
    print("old " + version)
else:
    try:
        import ensurepip, venv
        print("good " + getattr(sys, "_base_executable", sys.executable))
    except ImportError:
        print("novenv " + version)
'

find_python() {
    if [ -z "$1" ]; then set -- python3.13 python3.12 python3.11 python3.14 python3 python; fi
    seen=""
    for name in "$@"; do
        answer=$("$name" -c "$probe" 2>/dev/null) || continue
        case $answer in
            good*) echo "${answer#good }" && return ;;
            old*) seen="$seen; $name is only ${answer#old }" ;;
            novenv*) seen="$seen; $name (${answer#novenv }) lacks venv (Debian, Ubuntu: apt install python3-venv)" ;;
        esac
    done
    fail "no Python >= 3.11 that can make an environment${seen}. Install one (macOS: brew install python@3.13;" \
        "Debian, Ubuntu: apt install python3 python3-venv) or name it: make PYTHON=/path/to/python3"
}

healthy() {
    [ ! -e .venv/.making ] || return 1
    if [ -e .venv/.ready ] && [ "$(cat .venv/.ready)" != "$here" ]; then return 1; fi
    .venv/bin/python -I -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

if [ "${1:-}" = --find ]; then
    find_python "${2:-}"
    exit
fi

if [ "${CONDA_DEFAULT_ENV:-}" = datasets-repro ]; then
    echo "note: the active conda environment is not complete, so .venv is used" \
        "(to mend it: conda env update -f environment.yml)" >&2
fi
extra=${EXTRA:-$(cat .venv/.extra 2>/dev/null || :)}
locks=requirements.lock
if [ -n "$extra" ]; then
    [ -f "requirements-$extra.lock" ] || fail "there is no requirements-$extra.lock: make env EXTRA=dask"
    locks="$locks requirements-$extra.lock"
fi
if ! healthy; then
    python=$(find_python "${1:-}")
    echo "Making .venv with $python"
    rm -rf .venv
    mkdir .venv
    : >.venv/.making
    "$python" -m venv .venv || fail "$python could not make .venv; name another: make PYTHON=/path/to/python3"
fi
: >.venv/.making
rm -f .venv/.ready

# uv first, with its own hashes: it installs the rest ten times faster than pip does.
awk '/^uv==/ { on = 1 } on { print } on && !/\\$/ { exit }' requirements.lock >.venv/uv.lock
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input --no-deps --require-hashes \
    --only-binary :all: -r .venv/uv.lock || fail "uv could not be installed; is the package index within reach?"
rm .venv/uv.lock

quiet=--quiet
if [ -t 2 ]; then quiet=; fi
# shellcheck disable=SC2086 # a list of files
.venv/bin/uv pip sync $quiet --python .venv/bin/python --require-hashes --only-binary :all: $locks ||
    fail "$locks could not be installed with $(.venv/bin/python --version); see the lines above"
.venv/bin/uv pip install $quiet --python .venv/bin/python --no-deps --no-build-isolation -e . ||
    fail "the kit itself could not be installed; see the lines above"

if [ -n "$extra" ]; then echo "$extra" >.venv/.extra; fi
echo "$here" >.venv/.ready
rm .venv/.making
echo "Ready: .venv ($(.venv/bin/python --version))"
