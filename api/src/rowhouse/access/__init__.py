"""Who may read and write what: API keys."""
