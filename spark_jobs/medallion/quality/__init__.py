"""Cleaning, judging, quarantine and what was found of the rules."""
