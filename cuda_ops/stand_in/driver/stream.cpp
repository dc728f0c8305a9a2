// Streams and events: everything has been done when the call that queued it returns.
#include "state.h"
#include <chrono>

struct CUstream_st {};
struct CUevent_st {
    double milliseconds;
    bool recorded;
};

API cuStreamCreate(CUstream* stream, unsigned) {
    NEED_CONTEXT;
    *stream = new CUstream_st();
    return CUDA_SUCCESS;
}

API cuStreamDestroy_v2(CUstream stream) {
    delete stream;
    return CUDA_SUCCESS;
}

API cuStreamSynchronize(CUstream) { return ready(); }
API cuStreamQuery(CUstream) { return ready(); }
API cuStreamWaitEvent(CUstream, CUevent, unsigned) { return ready(); }

API cuEventCreate(CUevent* event, unsigned) {
    NEED_CONTEXT;
    *event = new CUevent_st{0, false};
    return CUDA_SUCCESS;
}

API cuEventDestroy_v2(CUevent event) {
    delete event;
    return CUDA_SUCCESS;
}

API cuEventRecord(CUevent event, CUstream) {
    NEED_CONTEXT;
    auto now = std::chrono::steady_clock::now().time_since_epoch();
    *event = {std::chrono::duration<double, std::milli>(now).count(), true};
    return CUDA_SUCCESS;
}

API cuEventSynchronize(CUevent) { return ready(); }
API cuEventQuery(CUevent) { return ready(); }

API cuEventElapsedTime_v2(float* milliseconds, CUevent from, CUevent to) {
    NEED_CONTEXT;
    if (!from->recorded || !to->recorded) return CUDA_ERROR_INVALID_HANDLE;
    *milliseconds = to->milliseconds - from->milliseconds;
    return CUDA_SUCCESS;
}
