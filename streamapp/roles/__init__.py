"""What each role adds to its Faust app: resources, agents, routes."""
