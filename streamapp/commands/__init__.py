"""Commands for those who run the platform: the ledger, the dead letters, replays."""
