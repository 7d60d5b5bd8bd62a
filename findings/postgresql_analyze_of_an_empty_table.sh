#!/usr/bin/env bash
# PostgreSQL 16: ANALYZE of a table that is still empty, as at the end of a migration, makes foreign keys slow.
#
# Guess: ANALYZE of an empty table is harmless; as rows come, plans follow the table's size, and a foreign key is checked
#        by the primary key of the table that it refers to.
# Seen:  a table that was never analysed is planned for as one of ten pages, so that the check uses the primary key. Once
#        it was analysed empty, it is planned for as empty: the first check of a session reads the whole table, and the
#        session keeps that plan while the table grows. Each check then reads all the rows that there are, until somebody
#        analyses the table again (autovacuum, a minute later). 2,000 inserts of one session read 2,001,000 rows.
# Source: src/backend/utils/adt/ri_triggers.c (plans kept for a session), src/backend/optimizer/util/plancat.c
#         (estimate_rel_size: ten pages, only if never vacuumed or analysed).
# Exits with 1 when that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pgserver==0.1.4 psycopg2-binary==2.9.13
"$folder/venv/bin/python" - "$folder/data" <<'PYTHON'
import sys
import pgserver, psycopg2

server = pgserver.get_server(sys.argv[1], cleanup_mode="delete")


def rows_read(analyse):
    """How many rows sequential scans of the parent read while one session fills both tables."""
    session = psycopg2.connect(server.get_uri())
    session.autocommit = True
    cursor = session.cursor()
    cursor.execute("DROP TABLE IF EXISTS child, parent")
    cursor.execute("CREATE TABLE parent (id int PRIMARY KEY) WITH (autovacuum_enabled = off)")
    cursor.execute("CREATE TABLE child (parent_id int REFERENCES parent)")
    if analyse:
        cursor.execute("ANALYZE parent")
    for number in range(2000):
        cursor.execute("INSERT INTO parent VALUES (%s)", [number])
        cursor.execute("INSERT INTO child VALUES (%s)", [number])
    session.close()
    session = psycopg2.connect(server.get_uri())
    cursor = session.cursor()
    cursor.execute("SELECT version()")
    version = cursor.fetchone()[0].split(",")[0]
    cursor.execute("SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'parent'")
    return version, cursor.fetchone()[0]


version, never = rows_read(analyse=False)
_, empty = rows_read(analyse=True)
server.cleanup()
print(version)
print("never analysed: the foreign key's checks read", never, "rows by sequential scans")
print("analysed while empty:", empty)
if never > 10_000 or empty < 1_000_000:
    sys.exit("Changed: it makes no difference any more.")
PYTHON
