#!/bin/sh
# The proxy of tests/clients/test_nginx.py: Debian's `nginx`, of which they start servers of their own.
# Quick and silent when it is there. NGINX=/path/to/an/nginx names another one.
set -eu

PATH="$PATH:/usr/sbin"
found=$(command -v "${NGINX:-nginx}" || true)
if [ -n "$found" ]; then
  exit 0
fi

cannot() {
  echo "nginx.sh: the tests of clients behind a proxy need nginx, and $1" >&2
  echo "Install it (Debian: apt-get install nginx-light), or set NGINX to the path of one." >&2
  exit 1
}

[ -z "${NGINX:-}" ] || cannot "NGINX=$NGINX is no program here."
command -v apt-get >/dev/null || cannot "there is no apt-get here to install it with."
[ "$(id -u)" -eq 0 ] || cannot "only root can install it with apt-get."

echo "nginx.sh: installing Debian's nginx for the tests of clients behind a proxy"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq || cannot "apt-get update failed (its reason is above)."
# What Debian starts by itself nobody needs: the tests start a server when they want one.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
fi
apt-get install -qq -y --no-install-recommends nginx-light >/dev/null \
  || cannot "apt-get install failed (its reason is above)."
command -v nginx >/dev/null || cannot "apt-get installed it without the command 'nginx'."
