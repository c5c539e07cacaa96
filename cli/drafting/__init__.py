"""Drafting a contract from a live table: describe it, sample it, profile the sample, guess, and write down doubts."""
