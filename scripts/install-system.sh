#!/usr/bin/env bash
# System packages that the slow tests need: a browser, and fonts for its pictures. Debian; a Mac has its own browser.
set -euo pipefail
command -v apt-get > /dev/null || exit 0
missing=()
command -v chromium > /dev/null || missing+=(chromium fonts-dejavu fonts-noto-color-emoji)
[ ${#missing[@]} -eq 0 ] && exit 0
sudo=$([ "$(id -u)" -eq 0 ] || echo sudo)
$sudo apt-get update -qq
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}"
