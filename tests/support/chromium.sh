#!/bin/sh
# The browser of tests/e2e: Debian's `chromium`, which gets its security updates from the system.
# Quick and silent when a browser is there. CHROMIUM=/path/to/a/chromium names another one.
set -eu

found=$(command -v "${CHROMIUM:-chromium}" || true)
if [ -n "$found" ]; then
  exit 0
fi

cannot() {
  echo "chromium.sh: the page's tests need the browser 'chromium', and $1" >&2
  echo "Install it (Debian: apt-get install chromium), or set CHROMIUM to the path of one." >&2
  exit 1
}

[ -z "${CHROMIUM:-}" ] || cannot "CHROMIUM=$CHROMIUM is no program here."
command -v apt-get >/dev/null || cannot "there is no apt-get here to install it with."
[ "$(id -u)" -eq 0 ] || cannot "only root can install it with apt-get."

echo "chromium.sh: installing Debian's chromium for the page's tests"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq || cannot "apt-get update failed (its reason is above)."
# A headless browser needs letters and emojis, and none of the desktop that is recommended.
apt-get install -qq -y --no-install-recommends \
  chromium fonts-dejavu-core fonts-noto-color-emoji >/dev/null \
  || cannot "apt-get install failed (its reason is above)."
command -v chromium >/dev/null || cannot "apt-get installed it without the command 'chromium'."
