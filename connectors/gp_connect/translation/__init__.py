"""STU3 -> R4, one module per area of the record. `connectors.gp_connect.translate` is the way in."""
