"""Who the patient is: the master patient index."""
