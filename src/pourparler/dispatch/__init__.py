"""Any act over any channel: frames, objects, and what carries them. Specification: ``spec/frame.md``."""
