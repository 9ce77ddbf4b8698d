"""Train the models and say how good they are; nothing here is imported by the running platform."""
