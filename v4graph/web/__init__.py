"""The HTTP face: routes, negotiation, limits; thin over the domain."""
