// One time step of an LSTM, after its matrix products: gates, cell and output. A thread per feature of the state.
#include "common.cuh"

// Gates stand as i, f, g, o, each `hidden` wide: from_x [batch] rows x_step apart, from_h [batch, 4 hidden] (null in the
// first step, whose cell starts at 0). cell [batch, hidden] is float in every storage; y rows are y_step apart.
extern "C" __global__ void __launch_bounds__(256)
    lstm_cell(const T* from_x, const T* from_h, float* cell, T* y, int count, int hidden, int x_step, int y_step) {
    int i = blockIdx.x * 256 + threadIdx.x;
    if (i >= count) return;
    int row = i / hidden, feature = i % hidden;
    float gate[4];
    for (int k = 0; k < 4; k++) {
        gate[k] = to_float(from_x[(size_t)row * x_step + k * hidden + feature]);
        if (from_h) gate[k] += to_float(from_h[(size_t)row * 4 * hidden + k * hidden + feature]);
    }
    float kept = from_h ? sigmoid(gate[1]) * cell[i] : 0.0f;
    float c = kept + sigmoid(gate[0]) * tanhf(gate[2]);
    cell[i] = c;
    y[(size_t)row * y_step + feature] = from_float(sigmoid(gate[3]) * tanhf(c));
}
