"""The MySQL server: sessions, statements, types, the wire."""
