"""What OpenLineage is told of each task: tables by their names there, and which column is made of which."""
