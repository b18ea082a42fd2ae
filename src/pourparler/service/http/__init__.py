"""What speaks HTTP: one ASGI application, whose routes are mounted by role. It needs the extra ``serve``.

A role is a list of routes below a prefix: a witness (``witness``), a ledger's static view (``static``). Nothing here
decides anything; what a request means and what it is answered stands in the core and in the services.
"""
