"""What the product does, one module per verb. The doors call these and nothing below them."""
