"""Pourparler: let your agents talk; only your council can bind you; and anyone can check it offline."""

__version__ = "0.1.0"
