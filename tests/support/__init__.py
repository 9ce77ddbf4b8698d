"""What several tests share: real servers and the images that go through them."""
