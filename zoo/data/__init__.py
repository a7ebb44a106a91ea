"""The user's data: recognised by looking, split, fingerprinted, checked against the contract."""
