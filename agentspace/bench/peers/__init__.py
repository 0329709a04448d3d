"""What is compared: the same task, done as each library would have it done."""
