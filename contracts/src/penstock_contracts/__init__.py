"""What crosses a process boundary in Penstock: types and names. No clients, no I/O."""
