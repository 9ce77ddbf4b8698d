"""Models as load, predict, close: what runs them, and the lane that times them fairly."""
