"""Commands about roles, and about launches and servers, in which they are."""
