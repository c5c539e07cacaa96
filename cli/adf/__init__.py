"""A factory of Azure Data Factory, read from its export, and what takes the place of each of its parts here."""
