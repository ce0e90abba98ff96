#!/usr/bin/env bash
# Write both lock files from pyproject.toml. Needs uv (pip install uv); run it after changing a dependency.
# torch is left out of the locks: requirements/torch.txt pins it, and pip takes the CPU build where one lies.
set -euo pipefail
cd "$(dirname "$0")/.."
export MACOSX_DEPLOYMENT_TARGET=14.0
lock() {
    "${UV:-uv}" pip compile pyproject.toml --extra dev --quiet \
        --constraints requirements/torch.txt --excludes requirements/excludes.txt \
        --no-emit-package torch --no-emit-index-url --no-emit-find-links \
        --python-version 3.11 --python-platform "$1" --generate-hashes \
        --custom-compile-command "make lock" --output-file "requirements/$2.lock" "${@:3}"
}
lock x86_64-manylinux_2_35 linux-x86_64 "$@"
lock aarch64-apple-darwin macos-arm64 "$@"
