"""Channels: how acts travel, by wire, bus, radio and courier. None of them is believed."""
