"""What holds for the schema as a product, beside what the linters of others look at."""
