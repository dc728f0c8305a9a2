"""The .weights file: what each layer reads from it, its format, and a row of proof per tensor."""

from workbench.weights.file import read_weights, write_weights
from workbench.weights.spec import WeightPlan, WeightSpec, plan_weights

__all__ = ["WeightPlan", "WeightSpec", "plan_weights", "read_weights", "write_weights"]
