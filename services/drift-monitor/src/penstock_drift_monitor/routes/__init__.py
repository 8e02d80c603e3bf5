"""Routes of the drift monitor."""
