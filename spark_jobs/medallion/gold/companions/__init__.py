"""What the gold job makes beside a One Big Table: each module here is a kind of it (companion.py says what it has)."""
