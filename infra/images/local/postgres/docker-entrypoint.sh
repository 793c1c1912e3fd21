#!/bin/sh
# The part of the official image's contract that Holdfast uses: POSTGRES_PASSWORD, POSTGRES_USER, POSTGRES_DB, PGDATA,
# *.sql in /docker-entrypoint-initdb.d at the first start, and a command that is "postgres" with options.
set -eu
[ "$1" = postgres ] || exec "$@"

if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA"
  chown -R postgres:postgres "$PGDATA"
  chmod 700 "$PGDATA"
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  : "${POSTGRES_PASSWORD:?is needed for the first start}"
  user=${POSTGRES_USER:-postgres}
  database=${POSTGRES_DB:-$user}
  password_file=$(mktemp)
  printf '%s' "$POSTGRES_PASSWORD" > "$password_file"
  initdb --username="$user" --pwfile="$password_file" --encoding=UTF8 --locale=C.UTF-8 \
    --auth-local=trust --auth-host=scram-sha-256
  rm "$password_file"
  echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
  echo "listen_addresses = '*'" >> "$PGDATA/postgresql.conf"

  # Nobody outside reaches the server until everything is set up.
  pg_ctl --wait --options="-c listen_addresses=''" start
  [ "$database" = postgres ] || createdb --username="$user" "$database"
  for file in /docker-entrypoint-initdb.d/*.sql; do
    [ ! -f "$file" ] || psql --username="$user" --dbname="$database" --set=ON_ERROR_STOP=1 --file="$file"
  done
  pg_ctl --wait --mode=fast stop
fi

exec "$@"
