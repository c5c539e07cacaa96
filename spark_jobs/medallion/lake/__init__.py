"""What the jobs read and write: bronze, Delta tables, their names and their progress."""
