"""From labelled files to the rows of a run: read, mapped, audited, split."""
