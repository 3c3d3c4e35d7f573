"""What is shown in Discord: cards, quotes, buttons, and who may press them."""
