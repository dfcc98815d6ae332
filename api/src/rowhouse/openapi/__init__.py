"""The API's description of itself (OpenAPI 3.1), made of the datasets and of the objects that read requests."""
