"""The copy into bronze: what is copied, written, proven and published, and how bronze lies."""
