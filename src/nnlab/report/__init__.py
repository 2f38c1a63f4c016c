"""Pictures and pages made of what a run leaves behind."""
