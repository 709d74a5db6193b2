"""The live side in a world of invented time, where one seed decides everything that goes wrong."""
