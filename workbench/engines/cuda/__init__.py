"""The engine for NVIDIA GPUs (PyCUDA's driver API), and the same engine on the CPU (cuda_ops.emulator).

A layer runs here when it has a method

    def cuda(self, plan, x, w):
        y = plan.output()
        return plan.run(kernels.softmax(x[0], y, y.shape, self.axis), y)

plan  `Plan` (plan.py): hands out tensors, takes launches
x     the inputs, a list of `Tensor`s (tensor.py: shape, dtype, strides): without gaps, aligned, floats in the engine's
      storage type (f32, f16, bf16). A class with `strided = True` gets them as they lie, for kernels that take strides
w     the layer's weights by letter, NumPy float32, as for `openvino`

It gives its outputs, tensors of the shapes that `infer` states, which are closed (no -1) by then. What it may use:

    plan.output(i)                  a new tensor for output i          plan.specs[i], plan.storage
    plan.tensor(shape, dtype)       a workspace
    plan.constant(array)            weights, in the storage type
    plan.run(launches, *y)          a cuda_ops Launch that writes y, or a list of alternatives, the first the best guess
    plan.product(make, terms, y)    make(y, epilogue) → launches of a product that applies act= and residual itself
    plan.chain(chain, inputs, y)    elementwise operations (cuda_ops.elementwise)
    plan.copy(x, y)                 strided views: x.permute, x.narrow, x.expand, x.as_strided; plan.reshape(x, shape)
    plan.packed(x), plan.cast(x)    without gaps, another type
    y.in_use(count)                 only so many rows of y hold something (an i32 tensor [1]), as of detections
    plan.take_act()                 the line's act=, for a kernel that applies it; otherwise a step of its own follows

In a Launch's args a Tensor stands for its address and a NumPy array (biases: float32) for a constant, uploaded once.
Launch.source is a family of cuda_ops or the path of a .cu file of your own.

Afterwards elementwise steps join the products before them (fuse.py), copies into a concat's place become views
(place.py), every tensor gets its place in one arena (arena.py), and the whole is data (program.py) that a device runs
(runner.py) and an engine file keeps (blob.py).
"""
