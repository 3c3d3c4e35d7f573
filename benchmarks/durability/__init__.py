"""What it costs that an incident survives a power cut."""
