// Between the storage type and another: what is fed and given in another type than the network's. OTHER is a C++ type.
#include "common.cuh"

#ifndef OTHER
#define OTHER float
#endif

extern "C" __global__ void __launch_bounds__(256) cast_in(const OTHER* x, T* y, int count) {
    int i = blockIdx.x * 256 + threadIdx.x;
    if (i < count) y[i] = from_float((float)x[i]);
}

extern "C" __global__ void __launch_bounds__(256) cast_out(const T* x, OTHER* y, int count) {
    int i = blockIdx.x * 256 + threadIdx.x;
    if (i < count) y[i] = (OTHER)to_float(x[i]);
}
