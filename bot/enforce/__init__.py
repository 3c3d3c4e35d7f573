"""What is done in Discord: deletions, warnings, timeouts, kicks and bans, and their undoing."""
