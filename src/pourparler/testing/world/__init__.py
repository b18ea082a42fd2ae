"""The simulated world: the real services on simulated time, network, disk and chance. See ``docs/simulate.md``."""
