"""Stand-ins for other companies' systems: a process and databases of their own, reached only over HTTP.

They know nothing of the shop. A fault makes one slow, makes it fail, refuse or be down, or makes it apply a call and
drop the answer. Each keeps a ledger of what it really did.
"""
