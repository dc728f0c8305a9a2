// The driver, its one device and its contexts.
#include "state.h"
#include <cstdio>
#include <cstring>
#include <map>
#include <vector>

CUresult fault = CUDA_SUCCESS;
std::string fault_text;

struct CUctx_st {
    int retained; // how often the primary context was asked for
};
static CUctx_st primary;
static thread_local std::vector<CUcontext> stack;

bool context_is_current() { return !stack.empty(); }

API cuInit(unsigned) { return CUDA_SUCCESS; }

API cuDriverGetVersion(int* version) {
    *version = CUDA_VERSION;
    return CUDA_SUCCESS;
}

API cuGetErrorString(CUresult code, const char** text) {
    static const std::map<CUresult, const char*> TEXTS = {
        {CUDA_SUCCESS, "no error"},
        {CUDA_ERROR_INVALID_VALUE, "invalid argument"},
        {CUDA_ERROR_OUT_OF_MEMORY, "out of memory"},
        {CUDA_ERROR_INVALID_DEVICE, "invalid device ordinal"},
        {CUDA_ERROR_INVALID_IMAGE, "device kernel image is invalid"},
        {CUDA_ERROR_INVALID_CONTEXT, "invalid device context"},
        {CUDA_ERROR_INVALID_HANDLE, "invalid resource handle"},
        {CUDA_ERROR_NOT_FOUND, "named symbol not found"},
        {CUDA_ERROR_NOT_SUPPORTED, "operation not supported"},
    };
    auto found = TEXTS.find(code);
    *text = found != TEXTS.end() ? found->second : code == fault ? fault_text.c_str() : "unknown error";
    return CUDA_SUCCESS;
}

API cuGetErrorName(CUresult, const char** name) {
    *name = "CUDA_ERROR";
    return CUDA_SUCCESS;
}

API cuDeviceGetCount(int* count) {
    *count = 1;
    return CUDA_SUCCESS;
}

API cuDeviceGet(CUdevice* device, int ordinal) {
    *device = ordinal;
    return ordinal ? CUDA_ERROR_INVALID_DEVICE : CUDA_SUCCESS;
}

API cuDeviceGetName(char* name, int bytes, CUdevice) {
    snprintf(name, bytes, "CUDA emulator");
    return CUDA_SUCCESS;
}

API cuDeviceGetPCIBusId(char* name, int bytes, CUdevice) {
    snprintf(name, bytes, "0000:00:00.0");
    return CUDA_SUCCESS;
}

API cuDeviceComputeCapability(int* major, int* minor, CUdevice) {
    *major = 9, *minor = 0;
    return CUDA_SUCCESS;
}

API cuDeviceGetAttribute(int* value, CUdevice_attribute attribute, CUdevice) {
    // a small Hopper, as in emulator/device.py
    static const std::map<int, int> VALUES = {
        {CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK, 1024},
        {CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK, 48 << 10},
        {CU_DEVICE_ATTRIBUTE_WARP_SIZE, 32},
        {CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK, 65536},
        {CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, 2},
        {CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR, 2048},
        {CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING, 1},
        {CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, 9},
        {CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, 0},
        {CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, 227 << 10},
    };
    auto found = VALUES.find(attribute);
    *value = found == VALUES.end() ? 0 : found->second;
    return CUDA_SUCCESS;
}

API cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice) {
    primary.retained++;
    *context = &primary;
    return CUDA_SUCCESS;
}

static void forget_fault() { fault = CUDA_SUCCESS; }

API cuDevicePrimaryCtxRelease_v2(CUdevice) {
    if (primary.retained && !--primary.retained) forget_fault();
    return CUDA_SUCCESS;
}

API cuDevicePrimaryCtxReset_v2(CUdevice) {
    forget_fault();
    return CUDA_SUCCESS;
}

API cuCtxCreate_v4(CUcontext* context, CUctxCreateParams*, unsigned, CUdevice) {
    stack.push_back(*context = new CUctx_st());
    return CUDA_SUCCESS;
}

API cuCtxDestroy_v2(CUcontext context) {
    if (!stack.empty() && stack.back() == context) stack.pop_back();
    if (context != &primary) delete context;
    forget_fault();
    return CUDA_SUCCESS;
}

API cuCtxDetach(CUcontext) { return CUDA_SUCCESS; } // PyCUDA's way out of a context that it did not make

API cuCtxPushCurrent_v2(CUcontext context) {
    stack.push_back(context);
    return CUDA_SUCCESS;
}

API cuCtxPopCurrent_v2(CUcontext* context) {
    if (stack.empty()) return CUDA_ERROR_INVALID_CONTEXT;
    if (context) *context = stack.back();
    stack.pop_back();
    return CUDA_SUCCESS;
}

API cuCtxGetCurrent(CUcontext* context) {
    *context = stack.empty() ? nullptr : stack.back();
    return CUDA_SUCCESS;
}

API cuCtxSetCurrent(CUcontext context) {
    if (!stack.empty()) stack.pop_back();
    if (context) stack.push_back(context);
    return CUDA_SUCCESS;
}

API cuCtxGetDevice(CUdevice* device) {
    *device = 0;
    return stack.empty() ? CUDA_ERROR_INVALID_CONTEXT : CUDA_SUCCESS;
}

API cuCtxGetApiVersion(CUcontext, unsigned* version) {
    *version = CUDA_VERSION;
    return CUDA_SUCCESS;
}

API cuCtxSynchronize() { return ready(); }
