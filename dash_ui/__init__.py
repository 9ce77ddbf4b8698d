"""The live dashboard; it talks to the API over HTTP only."""
