"""C++ kernels that OpenVINO's CPU plug-in runs as operators of the network; README.md says which and why."""
