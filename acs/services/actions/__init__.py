"""What a second line does on a device: one file per field, one row per action; `catalogue` is all of them."""
