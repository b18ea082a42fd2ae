"""A node: whoever hears acts, keeps them, answers by them, and hands them on. Specification: ``spec/node.md``.

It is a holder's machine, a relay, a council's sender: a ledger of its own (the *journal*), and beside it what waits and
what is carried. ``node.Node`` is the whole of it; ``nouns`` are its answers, ``standing`` and ``freshness`` its
judgement, ``homes`` what it was shown of parties' home ledgers, ``clock`` its time. There is no thread, socket, clock
or chance in here: a shell brings bytes and time, and takes bytes away.
"""
