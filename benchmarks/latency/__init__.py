"""How long a message waits for its score, when few and when many are said."""
