"""What the tasks of a day's run do: its date, its plan, its ledger and its reconciliation."""
