// Device memory is the emulator's: NaN-filled, ending at a page that faults. Copies are done when they return.
#include "state.h"
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>

static const size_t TOTAL = 16ull << 30;
static size_t in_use;
static std::map<CUdeviceptr, size_t> sizes;
static std::mutex mutex;

API cuDeviceTotalMem_v2(size_t* bytes, CUdevice) {
    *bytes = TOTAL;
    return CUDA_SUCCESS;
}

API cuMemGetInfo_v2(size_t* available, size_t* total) {
    NEED_CONTEXT;
    *available = TOTAL - in_use, *total = TOTAL;
    return CUDA_SUCCESS;
}

API cuMemAlloc_v2(CUdeviceptr* pointer, size_t bytes) {
    NEED_CONTEXT;
    if (!bytes) return CUDA_ERROR_INVALID_VALUE;
    std::lock_guard<std::mutex> lock(mutex);
    void* p = bytes > TOTAL - in_use ? nullptr : emu_malloc(bytes);
    if (!p) return CUDA_ERROR_OUT_OF_MEMORY;
    *pointer = (CUdeviceptr)p;
    in_use += sizes[*pointer] = bytes;
    return CUDA_SUCCESS;
}

API cuMemFree_v2(CUdeviceptr pointer) {
    std::lock_guard<std::mutex> lock(mutex);
    auto found = sizes.find(pointer);
    if (found == sizes.end()) return CUDA_ERROR_INVALID_VALUE;
    emu_free((void*)pointer);
    in_use -= found->second;
    sizes.erase(found);
    return CUDA_SUCCESS;
}

API cuMemGetAddressRange_v2(CUdeviceptr* base, size_t* bytes, CUdeviceptr pointer) {
    NEED_CONTEXT;
    std::lock_guard<std::mutex> lock(mutex);
    auto next = sizes.upper_bound(pointer);
    if (next == sizes.begin() || std::prev(next)->first + std::prev(next)->second <= pointer)
        return CUDA_ERROR_NOT_FOUND;
    if (base) *base = std::prev(next)->first;
    if (bytes) *bytes = std::prev(next)->second;
    return CUDA_SUCCESS;
}

API cuMemHostAlloc(void** pointer, size_t bytes, unsigned) {
    NEED_CONTEXT;
    *pointer = malloc(bytes);
    return *pointer ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

API cuMemFreeHost(void* pointer) {
    free(pointer);
    return CUDA_SUCCESS;
}

// 0 where the bytes lie in one allocation
static CUresult access(CUdeviceptr pointer, size_t bytes, bool write) {
    NEED_CONTEXT;
    return emu_host_access((void*)pointer, bytes, write) ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}

API cuMemcpyHtoD_v2(CUdeviceptr to, const void* from, size_t bytes) {
    if (CUresult no = access(to, bytes, true)) return no;
    memcpy((void*)to, from, bytes);
    return CUDA_SUCCESS;
}

API cuMemcpyDtoH_v2(void* to, CUdeviceptr from, size_t bytes) {
    if (CUresult no = access(from, bytes, false)) return no;
    memcpy(to, (void*)from, bytes);
    return CUDA_SUCCESS;
}

API cuMemcpyDtoD_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes) {
    if (CUresult no = access(from, bytes, false)) return no;
    if (CUresult no = access(to, bytes, false)) return no;
    memmove((void*)to, (void*)from, bytes);
    emu_copied((void*)to, (void*)from, bytes);
    return CUDA_SUCCESS;
}

API cuMemsetD8_v2(CUdeviceptr to, unsigned char value, size_t count) {
    if (CUresult no = access(to, count, true)) return no;
    memset((void*)to, value, count);
    return CUDA_SUCCESS;
}

API cuMemsetD32_v2(CUdeviceptr to, unsigned value, size_t count) {
    if (CUresult no = access(to, count * 4, true)) return no;
    for (size_t i = 0; i < count; i++) ((unsigned*)to)[i] = value;
    return CUDA_SUCCESS;
}

API cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void* from, size_t n, CUstream) { return cuMemcpyHtoD_v2(to, from, n); }
API cuMemcpyDtoHAsync_v2(void* to, CUdeviceptr from, size_t n, CUstream) { return cuMemcpyDtoH_v2(to, from, n); }
API cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t n, CUstream) { return cuMemcpyDtoD_v2(to, from, n); }
API cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t n, CUstream) { return cuMemsetD8_v2(to, value, n); }
API cuMemsetD32Async(CUdeviceptr to, unsigned value, size_t n, CUstream) { return cuMemsetD32_v2(to, value, n); }
