"""The rules of selling seats and every SQL statement. Knows neither GraphQL nor HTTP nor Redis."""
