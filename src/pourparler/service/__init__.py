"""The order of steps around the pure core: drafting and signing, intake into a ledger, export of evidence."""
