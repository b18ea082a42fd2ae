"""Other people's programs check what we make, and ours checks what they make: ``./run campaign interop``."""
