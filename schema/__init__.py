"""What clients see: types, inputs, scalars and errors. Decides nothing, fetches by loaders."""
