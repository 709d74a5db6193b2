"""What proves it. One folder for each kind of promise."""
