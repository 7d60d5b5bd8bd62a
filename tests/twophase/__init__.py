"""`make two-phase`: one order as a two-phase commit over two databases and as a saga, under the same kill."""
