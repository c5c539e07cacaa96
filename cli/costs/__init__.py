"""What a month of the platform costs, worked out from assumptions that the reader changes."""
