"""What on-call people are alerted to, when, and by which way."""
