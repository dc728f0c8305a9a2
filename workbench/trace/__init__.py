"""What the original model computes: its tensors and operators, by the paths that ties name."""
