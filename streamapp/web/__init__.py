"""What the API role serves over HTTP."""
