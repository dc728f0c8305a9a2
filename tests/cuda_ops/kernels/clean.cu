// Correct kernels that use much of the language; check mode must stay silent,
// and the results are known exactly.
#include <cuda_bf16.h>
#include <cuda_fp16.h>

extern "C" __global__ void reverse(const float *x, float *y) {
  __shared__ float s[256];
  for (int round = 0; round < 3; round++) {
    s[threadIdx.x] = x[blockIdx.x * 256 + threadIdx.x];
    __syncthreads();
    y[blockIdx.x * 256 + threadIdx.x] = s[255 - threadIdx.x];
    __syncthreads();
  }
}

extern "C" __global__ void
warp_sum(const float *x,
         float *y) // the same by shuffles and through shared memory
{
  __shared__ float s[256];
  float v = x[threadIdx.x];
  s[threadIdx.x] = v;
  for (int o = 16; o; o >>= 1)
    v += __shfl_xor_sync(0xffffffffu, v, o);
  for (int o = 16; o; o >>= 1) {
    __syncwarp();
    float other = s[threadIdx.x ^ o];
    __syncwarp();
    s[threadIdx.x] += other;
  }
  y[threadIdx.x] = v;
  y[256 + threadIdx.x] = s[threadIdx.x];
}

extern "C" __global__ void votes(const int *x, unsigned *y) {
  int v = x[threadIdx.x], lane = threadIdx.x & 31;
  unsigned positive = __ballot_sync(0xffffffffu, v > 0), active = 0;
  int any = __any_sync(0xffffffffu, v > 5),
      all = __all_sync(0xffffffffu, v > -9);
  if (lane < 7)
    active = __activemask();
  else
    active = __activemask();
  int count = __syncthreads_count(v > 0);
  y[threadIdx.x * 4 + 0] = positive;
  y[threadIdx.x * 4 + 1] = any | all << 1;
  y[threadIdx.x * 4 + 2] = active;
  y[threadIdx.x * 4 + 3] = count;
}

extern "C" __global__ void shuffles(const int *x, int *y) {
  int v = x[threadIdx.x];
  y[threadIdx.x * 5 + 0] = __shfl_sync(0xffffffffu, v, 3);
  y[threadIdx.x * 5 + 1] = __shfl_up_sync(0xffffffffu, v, 2, 8);
  y[threadIdx.x * 5 + 2] = __shfl_down_sync(0xffffffffu, v, 1, 16);
  y[threadIdx.x * 5 + 3] = __shfl_xor_sync(0xffffffffu, v, 5);
  unsigned half_mask = (threadIdx.x & 31) < 16 ? 0x0000ffffu : 0xffff0000u;
  for (int o = 8; o; o >>= 1)
    v += __shfl_xor_sync(half_mask, v, o);
  y[threadIdx.x * 5 + 4] = v;
}

extern "C" __global__ void histogram(const unsigned char *x, int *bins,
                                     int *top, int n) {
  extern __shared__ int local[];
  for (int i = threadIdx.x; i < 256; i += blockDim.x)
    local[i] = 0;
  __syncthreads();
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n;
       i += gridDim.x * blockDim.x) {
    atomicAdd(&local[x[i]], 1);
    atomicMax(top, (int)x[i]);
  }
  __syncthreads();
  for (int i = threadIdx.x; i < 256; i += blockDim.x)
    if (local[i])
      atomicAdd(&bins[i], local[i]);
}

extern "C" __global__ void index3d(int *y) {
  int block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  int thread =
      (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
  int i = block * (blockDim.x * blockDim.y * blockDim.z) + thread;
  y[i] = i;
}

extern "C" __global__ void half_axpb(const __half *a, const __half *b,
                                     __half *y, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n)
    y[i] = __hfma(a[i], b[i], __float2half(0.5f)) + a[i] * b[i] -
           __hadd(a[i], b[i]);
}

extern "C" __global__ void to_bf16(const float *x, __nv_bfloat16 *y, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n)
    y[i] = __float2bfloat16_rn(x[i]);
}

extern "C" __global__ void vector_copy(const float4 *x, float4 *y, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n)
    y[i] = __ldg(&x[i]);
}
