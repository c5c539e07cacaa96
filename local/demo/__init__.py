"""The demo: the whole platform on one machine, living through two days of sales."""
