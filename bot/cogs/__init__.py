"""What Referee listens to in Discord, and the commands it answers."""
