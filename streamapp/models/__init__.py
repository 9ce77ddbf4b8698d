"""`streamapp models`: what there is, what is registered, and which version is the champion."""
