"""What `make demo` runs: first an engine alone, without PyTorch; then a trained detector, ported line by line."""
