"""Pictures of trials."""
