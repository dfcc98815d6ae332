"""Backups that were restored and compared before they count, and the way back from them."""
