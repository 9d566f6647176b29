"""The verbs of the product, one module each; the doors call these and nothing below them."""
