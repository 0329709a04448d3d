"""The rules of a space, pure: slots, mailboxes, roles, swaps, and the board that holds them; time is passed in."""
