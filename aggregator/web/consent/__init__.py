"""What a person has decided about sharing."""
