"""What on-call people are told, when, and by which way."""
