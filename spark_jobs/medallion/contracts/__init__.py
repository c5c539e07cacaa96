"""The contract files as the Spark side reads and checks them."""
