"""The pure core: bytes and values in, values out. No clock, chance, disk, network or logging.

Reading order: errors, limits, encoding, act, redline, council, authority, ledger, evidence; and the dossier's chapter:
clauses, dossier, transitions, admission, registry.
"""
