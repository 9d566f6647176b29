"""The suite; style and layout are in docs."""
