"""Alerts: figures that are bad for a while are said once, and once more when they are good again."""
