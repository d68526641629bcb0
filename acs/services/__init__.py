"""Use cases: one file each; the actor is the first argument, rights are checked and audit is written here."""
