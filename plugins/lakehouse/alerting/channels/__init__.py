"""Where alerts can go: each module here is a channel (channel.py says what it has), known by its being here."""
