#!/bin/sh
# Makes .venv from the hash-pinned lock; a second run with the same lock returns at once.
set -eu
cd "$(dirname "$0")"
stamp=.venv/.portunus-lock
want=$(cat requirements/dev.lock pyproject.toml | cksum)
[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ] && exit 0

python=
for name in python3.11 python3.12 python3.13 python3; do
    if command -v "$name" >/dev/null && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$name
        break
    fi
done
[ -n "$python" ] || { echo "Portunus needs Python 3.11 or newer: install it (apt-get install python3) and run this again." >&2; exit 1; }

echo "Setting up .venv with $("$python" --version) …"
"$python" -c 'import ensurepip' 2>/dev/null || { echo "Python lacks venv: apt-get install python3-venv, then run this again." >&2; exit 1; }
[ -x .venv/bin/python ] || "$python" -m venv .venv
export UV_PYTHON_DOWNLOADS=never UV_NO_PROGRESS=1
if .venv/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.8 2>/dev/null; then
    .venv/bin/uv pip install --quiet --compile-bytecode --python .venv/bin/python --require-hashes -r requirements/dev.lock
    .venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation -e .
else
    .venv/bin/python -m pip install --quiet --require-hashes -r requirements/dev.lock
    .venv/bin/python -m pip install --quiet --no-deps --no-build-isolation -e .
fi
echo "$want" >"$stamp"
