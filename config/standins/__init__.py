"""Stand-ins for other companies' systems: a process and databases of their own, reached over HTTP and nothing else.

They know nothing of the shop. Each can be told to be slow, to fail, to refuse, to be down, or to apply a call and lose
the answer, and keeps a ledger of what it really did.
"""
