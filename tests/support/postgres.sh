#!/bin/sh
# The database of the tests of stores/postgres.py: Debian's `postgresql`, of which they start
# servers of their own. Quick and silent when its programs are there.
# HUBBUB_TEST_POSTGRES=postgresql://user:password@host/database names a server to use as well.
set -eu

[ -z "${HUBBUB_TEST_POSTGRES:-}" ] || exit 0

found() {
  command -v postgres >/dev/null && return
  for program in /usr/lib/postgresql/*/bin/postgres; do
    [ -x "$program" ] && return
  done
  return 1
}

! found || exit 0

cannot() {
  echo "postgres.sh: the log's tests need PostgreSQL's server, and $1" >&2
  echo "Install it (Debian: apt-get install postgresql), or set HUBBUB_TEST_POSTGRES to the" >&2
  echo "address of a database that they may make others beside." >&2
  exit 1
}

command -v apt-get >/dev/null || cannot "there is no apt-get here to install it with."
[ "$(id -u)" -eq 0 ] || cannot "only root can install it with apt-get."

echo "postgres.sh: installing Debian's postgresql for the log's tests"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq || cannot "apt-get update failed (its reason is above)."
# What Debian starts by itself nobody needs: the tests start a server when they want one.
apt-get install -qq -y --no-install-recommends postgresql-common >/dev/null \
  || cannot "apt-get install failed (its reason is above)."
mkdir -p /etc/postgresql-common/createcluster.d
echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.d/hubbub-tests.conf
apt-get install -qq -y --no-install-recommends postgresql >/dev/null \
  || cannot "apt-get install failed (its reason is above)."
found || cannot "apt-get installed it without the program 'postgres'."
