// Modules are libraries that the emulator's compiler made; launches run in the emulator.
#include "state.h"
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <unistd.h>

static const int DEFAULT_SHARED = 48 << 10, MAX_SHARED = 227 << 10;

struct CUmod_st {
    void* library;
};
struct CUfunc_st {
    const EmuKernel* kernel;
    int max_shared;
};

API cuModuleLoad(CUmodule* module, const char* path) {
    NEED_CONTEXT;
    void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        if (getenv("STAND_IN_TRACE")) fprintf(stderr, "stand-in libcuda: %s\n", dlerror());
        return CUDA_ERROR_INVALID_IMAGE;
    }
    *module = new CUmod_st{library};
    return CUDA_SUCCESS;
}

// The image of a library ends with its section table.
static size_t library_bytes(const void* image) {
    auto* header = (const Elf64_Ehdr*)image;
    if (memcmp(header->e_ident, ELFMAG, SELFMAG) || header->e_type != ET_DYN || header->e_machine == EM_CUDA) return 0;
    return header->e_shoff + (size_t)header->e_shnum * header->e_shentsize;
}

API cuModuleLoadData(CUmodule* module, const void* image) {
    NEED_CONTEXT;
    size_t bytes = library_bytes(image); // 0: a cubin, a fatbin or PTX
    char path[] = "/tmp/stand-in-module-XXXXXX";
    int file = bytes ? mkstemp(path) : -1;
    if (file < 0) return CUDA_ERROR_INVALID_IMAGE;
    bool written = write(file, image, bytes) == (ssize_t)bytes;
    close(file);
    CUresult result = written ? cuModuleLoad(module, path) : CUDA_ERROR_INVALID_IMAGE;
    unlink(path);
    return result;
}

API cuModuleLoadDataEx(CUmodule* module, const void* image, unsigned, CUjit_option*, void**) {
    return cuModuleLoadData(module, image);
}

API cuModuleUnload(CUmodule module) { // the library stays: closing it would invalidate functions that are kept
    delete module;
    return CUDA_SUCCESS;
}

API cuModuleGetFunction(CUfunction* function, CUmodule module, const char* name) {
    NEED_CONTEXT;
    auto* kernel = (const EmuKernel*)dlsym(module->library, (std::string("emu_kernel_") + name).c_str());
    if (!kernel) return CUDA_ERROR_NOT_FOUND;
    *function = new CUfunc_st{kernel, DEFAULT_SHARED}; // a CUfunction lives as long as its module, here: for good
    return CUDA_SUCCESS;
}

API cuFuncGetAttribute(int* value, CUfunction_attribute attribute, CUfunction function) {
    *value = attribute == CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK          ? 1024
             : attribute == CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES ? function->max_shared
                                                                            : 0;
    return CUDA_SUCCESS;
}

API cuFuncSetAttribute(CUfunction function, CUfunction_attribute attribute, int value) {
    if (attribute != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES) return CUDA_SUCCESS;
    if (value < 0 || value > MAX_SHARED) return CUDA_ERROR_INVALID_VALUE;
    function->max_shared = value;
    return CUDA_SUCCESS;
}

API cuFuncSetCacheConfig(CUfunction, CUfunc_cache) { return CUDA_SUCCESS; }
API cuFuncSetBlockShape(CUfunction, int, int, int) { return CUDA_SUCCESS; } // PyCUDA's __call__ still makes these two
API cuFuncSetSharedSize(CUfunction, unsigned) { return CUDA_SUCCESS; }

static bool shape_is_allowed(const unsigned* grid, const unsigned* block) {
    unsigned long threads = (unsigned long)block[0] * block[1] * block[2];
    bool blocks = grid[0] && grid[1] && grid[2] && grid[0] < 1u << 31 && grid[1] < 65536 && grid[2] < 65536;
    return blocks && threads && threads <= 1024 && block[2] <= 64;
}

// Reads the argument buffer that PyCUDA gives in `extra`; its end may be padded.
static const char* argument_buffer(void** extra, size_t* bytes) {
    const char* buffer = nullptr;
    *bytes = 0;
    for (; extra && *extra != CU_LAUNCH_PARAM_END; extra += 2)
        if (*extra == CU_LAUNCH_PARAM_BUFFER_POINTER)
            buffer = (const char*)extra[1];
        else
            *bytes = *(size_t*)extra[1];
    return buffer;
}

API cuLaunchKernel(CUfunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                   unsigned block_y, unsigned block_z, unsigned shared, CUstream, void** separate, void** extra) {
    NEED_CONTEXT;
    unsigned grid[3] = {grid_x, grid_y, grid_z}, block[3] = {block_x, block_y, block_z};
    size_t bytes;
    const char* arguments = argument_buffer(extra, &bytes);
    if (separate || !shape_is_allowed(grid, block) || (int)shared > function->max_shared) return CUDA_ERROR_INVALID_VALUE;
    if (bytes != function->kernel->arg_bytes) return CUDA_ERROR_INVALID_VALUE;
    char error[8192] = "";
    if (emu_launch(function->kernel, arguments, grid, block, shared, error, sizeof error)) {
        fault = CUDA_ERROR_LAUNCH_FAILED; // told by the calls that follow
        fault_text = std::string("unspecified launch failure in the emulator: ") + error;
    }
    return CUDA_SUCCESS;
}
