"""What outlives a server: a file with the durable slots, the roles and the queues of its spaces."""
