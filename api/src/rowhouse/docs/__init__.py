"""/docs: the API's description for people, by Swagger UI, with nothing that comes from elsewhere."""
