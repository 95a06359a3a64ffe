"""The store: a SPARQL dataset projected from the ledger. Everything in it is public."""
