"""What the GraphQL surface must do to pass: a test of each requirement, named after it."""
