#!/bin/sh
# What docker-compose.yml uses of the official image's entrypoint: a first start makes the cluster with POSTGRES_USER,
# POSTGRES_PASSWORD and POSTGRES_DB, and runs /docker-entrypoint-initdb.d/*.sql before anyone can connect from outside.
set -eu
[ "$1" = postgres ] || exec "$@"

if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA"
    chown -R postgres:postgres /var/lib/postgresql
    chmod 700 "$PGDATA"
    exec setpriv --reuid postgres --regid postgres --clear-groups sh "$0" "$@"
fi

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    secret=$(mktemp)
    printf '%s' "${POSTGRES_PASSWORD:?}" > "$secret"
    initdb --username "$POSTGRES_USER" --pwfile "$secret" --auth-host scram-sha-256 --auth-local trust \
        --encoding UTF8 --locale C "$PGDATA"
    rm "$secret"
    echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
    pg_ctl -D "$PGDATA" -w -o "-c listen_addresses='' -c unix_socket_directories=/tmp" start
    run() { psql --no-psqlrc --set ON_ERROR_STOP=1 --host /tmp --username "$POSTGRES_USER" "$@"; }
    run --dbname postgres --command "CREATE DATABASE \"$POSTGRES_DB\""
    for file in /docker-entrypoint-initdb.d/*.sql; do
        [ ! -e "$file" ] || run --dbname "$POSTGRES_DB" --file "$file"
    done
    pg_ctl -D "$PGDATA" -w -m fast stop
fi
exec "$@" -c "listen_addresses=*" -c unix_socket_directories=/tmp
