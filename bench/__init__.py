"""The bench: what the program costs, each time beside something else that was measured in the same minute.

``./run bench`` runs it; ``docs/bench.md`` says what each line means.
"""
