"""930 real negotiations that nobody here wrote, turned into dossiers and counted again from the ledger.

CaSiNo (Chawla, Ramirez, Clever, Lucas, May, Gratch, NAACL 2021, CC BY 4.0) holds what two people said to each other
over three packages each of food, water and firewood, the deals they submitted, accepted and rejected, and what each was
worth to whom. This program gives each of the two a council and red lines, has every turn done as a signed act through
the real intake into a real ledger, lets the councils ratify, and then reads the ledger's bytes again, without the file,
to say what came of it. ``docs/casino.md`` has the mapping and the figures.

Read in this order: ``dialogues`` (the file), ``sides`` (councils, mandates, red lines, texts), ``talks`` (turns become
acts), ``recount`` (the ledger is read again), ``report`` (what agrees with the file, and the evidence), ``__main__``.
"""
