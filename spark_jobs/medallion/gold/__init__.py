"""The One Big Table."""
