"""The stores behind small adapters: PostgreSQL, objects, cache."""
