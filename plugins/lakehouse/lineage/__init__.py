"""What is sent to OpenLineage of each task: tables by their names there, and which column is made of which."""
