"""The pure core: bytes and values in, values out. No clock, chance, disk, network or logging.

Reading order: errors, limits, encoding, act, redline, authority, council, dossier, ledger, evidence.
"""
