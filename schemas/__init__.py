"""What each dataset is, and the typed run configuration."""
