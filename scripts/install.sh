#!/usr/bin/env bash
# Make the virtual environment: torch by its own constraint (the CPU build where one lies), then the lock, then JARVIS.
# Usage: scripts/install.sh PYTHON VENV LOCK
set -euo pipefail
cd "$(dirname "$0")/.."
python=$1 venv=$2 lock=$3
"$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || {
    echo "JARVIS needs Python 3.11, 3.12 or 3.13; run: make run PYTHON=python3.12" >&2
    exit 1
}
[ -f "$lock" ] || { echo "No lock file for this machine ($(uname -sm)); JARVIS runs on macOS arm64 and Linux x86-64." >&2; exit 1; }
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
echo "Installing the locked dependencies into $venv (a few minutes, once) …"
pip=("$venv/bin/python" -m pip install --quiet --disable-pip-version-check)
"${pip[@]}" -r requirements/torch.txt
"${pip[@]}" --no-deps -r "$lock"
"${pip[@]}" --no-deps --no-build-isolation --editable .
