"""Measurements, side by side with other servers in the same run: ``make bench``."""
