"""Upkeep of silver and gold."""
