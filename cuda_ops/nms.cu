// Greedy non-maximum suppression, and the forms in which its result is given.
//
// A block per picture does it all: (1) collect the pairs (box, class) with a score above the floor; (2) sort them, so
// that the order in which the atomics collected them does not matter; (3) cut to the `region` best; (4) go through
// them: what is still alive is kept, and all threads together strike out the later ones that overlap it too much; (5)
// write what was kept in the order asked for. Step 4 has two barriers per survivor, so its time grows with the number
// of candidates: the floor and the region are what keep it small.
//
// A pair is numbered box * classes + class, also to break ties: of equal scores the lower number comes first.
#include "sort.cuh"

constexpr int ALIVE = -1, DEAD = -2; // of a candidate; from 0 on: kept, and which of its class

struct Corners {
    float x1, y1, x2, y2;
};

__device__ __forceinline__ Corners corners(const T* box, int centre_size) {
    float a = to_float(box[0]), b = to_float(box[1]), c = to_float(box[2]), d = to_float(box[3]);
    if (!centre_size) return {a, b, c, d};
    return {a - c / 2.0f, b - d / 2.0f, a + c / 2.0f, b + d / 2.0f};
}

// Intersection over union; any two opposite corners make a box.
__device__ __forceinline__ float overlap(const Corners& p, const Corners& q) {
    float px1 = fminf(p.x1, p.x2), px2 = fmaxf(p.x1, p.x2), py1 = fminf(p.y1, p.y2), py2 = fmaxf(p.y1, p.y2);
    float qx1 = fminf(q.x1, q.x2), qx2 = fmaxf(q.x1, q.x2), qy1 = fminf(q.y1, q.y2), qy2 = fmaxf(q.y1, q.y2);
    float w = fmaxf(fminf(px2, qx2) - fmaxf(px1, qx1), 0.0f), h = fmaxf(fminf(py2, qy2) - fmaxf(py1, qy1), 0.0f);
    float shared = w * h;
    return shared > 0.0f ? shared / ((px2 - px1) * (py2 - py1) + (qx2 - qx1) * (qy2 - qy1) - shared) : 0.0f;
}

__device__ __forceinline__ void collect(const T* scores, Best* candidates, int* count, int boxes, int classes,
                                        int best_only, float floor) {
    for (int i = threadIdx.x; i < boxes * (best_only ? 1 : classes); i += blockDim.x) {
        Best best = {to_float(scores[best_only ? i * classes : i]), best_only ? i * classes : i};
        for (int c = 1; best_only && c < classes; c++) best.take({to_float(scores[i * classes + c]), i * classes + c});
        if (best.value > floor) candidates[atomicAdd(count, 1)] = best;
    }
}

// How many of the sorted candidates are the `region` best, those that tie with the last one included.
__device__ __forceinline__ int cut(const Best* candidates, int count, int region) {
    if (!region || count <= region) return count;
    int end = region;
    while (end < count && candidates[end].value == candidates[region - 1].value) end++;
    return end;
}

// The same for each class: a thread per class strikes out what is beyond.
__device__ __forceinline__ void cut_classes(const Best* candidates, int* state, int count, int classes, int region) {
    for (int c = threadIdx.x; c < classes; c += blockDim.x) {
        float last = 0.0f;
        for (int i = 0, seen = 0; i < count; i++) {
            if (candidates[i].index % classes != c) continue;
            if (seen++ < region)
                last = candidates[i].value;
            else if (candidates[i].value != last)
                state[i] = DEAD;
        }
    }
}

// boxes [batch, boxes, 4] (own_boxes: [batch, boxes, classes, 4]), scores [batch, boxes, classes]. work, per picture:
// `capacity` candidates, their states, the numbers of the pairs kept (at most `rows`), and how many. total: 0, kept
// pairs are ordered by class, at most `most` of each; else the `total` best by score. grid: batch; shared: an int per
// class.
extern "C" __global__ void __launch_bounds__(1024)
    nms(const T* boxes, const T* scores, int* work, int count, int classes, int capacity, int rows, int own_boxes,
        int centre_size, int best_only, int across, int most, int total, int region, int region_per_class,
        float iou_thres, float floor) {
    extern __shared__ __align__(4) int kept_of[]; // by class
    __shared__ int found;
    int batch = gridDim.x, picture = blockIdx.x;
    Best* candidates = reinterpret_cast<Best*>(work) + (size_t)picture * capacity;
    int* state = work + (size_t)batch * capacity * 2 + (size_t)picture * capacity;
    int* kept = work + (size_t)batch * capacity * 3 + (size_t)picture * rows;
    int* kept_count = work + (size_t)batch * (capacity * 3 + rows) + picture;
    boxes += (size_t)picture * count * (own_boxes ? classes : 1) * 4;
    scores += (size_t)picture * count * classes;

    if (threadIdx.x == 0) found = 0;
    for (int c = threadIdx.x; c < classes; c += blockDim.x) kept_of[c] = 0;
    __syncthreads();
    collect(scores, candidates, &found, count, classes, best_only, floor);
    __syncthreads();
    int n = found, size = power_of_two(n);
    for (int i = n + threadIdx.x; i < size; i += blockDim.x) candidates[i] = {0.0f, -1};
    for (int i = threadIdx.x; i < n; i += blockDim.x) state[i] = ALIVE;
    sort_block(candidates, size);
    if (region_per_class)
        cut_classes(candidates, state, n, classes, region);
    else
        n = cut(candidates, n, region);

    int survivors = 0;
    for (int i = 0; i < n && (!total || survivors < total); i++) {
        __syncthreads();
        if (state[i] != ALIVE) continue;
        int pair = candidates[i].index, group = across ? 0 : pair % classes;
        bool room = kept_of[group] < most;
        __syncthreads();
        if (threadIdx.x == 0) {
            state[i] = room ? kept_of[group]++ : DEAD;
            if (room && total) kept[survivors] = pair;
        }
        if (!room) continue;
        survivors++;
        Corners mine = corners(boxes + (size_t)(own_boxes ? pair : pair / classes) * 4, centre_size);
        for (int j = i + 1 + threadIdx.x; j < n; j += blockDim.x) {
            int other = candidates[j].index;
            if (state[j] != ALIVE || (!across && other % classes != group)) continue;
            Corners its = corners(boxes + (size_t)(own_boxes ? other : other / classes) * 4, centre_size);
            if (overlap(mine, its) > iou_thres) state[j] = DEAD;
        }
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        *kept_count = min(survivors, rows);
        for (int c = 0, before = 0; c < classes; c++) { // counts become places
            int own = kept_of[c];
            kept_of[c] = before;
            before += own;
        }
    }
    __syncthreads();
    for (int i = threadIdx.x; !total && i < n; i += blockDim.x) {
        int pair = candidates[i].index, at = kept_of[pair % classes] + state[i];
        if (state[i] >= 0 && at < rows) kept[at] = pair;
    }
}

// Which pair stands in row r of all pictures' kept pairs, one picture after another; -1 past the end.
__device__ __forceinline__ int pair_of_row(const int* work, int batch, int capacity, int rows, int r, int& picture) {
    const int *kept = work + (size_t)batch * capacity * 3, *counts = kept + (size_t)batch * rows;
    for (picture = 0; picture < batch; r -= counts[picture++])
        if (r < counts[picture]) return kept[(size_t)picture * rows + r];
    return -1;
}

// y [total, 3]: picture, class, box; unused rows are -1, all at the end.
extern "C" __global__ void __launch_bounds__(256)
    nms_rows(const int* work, int* y, int total, int batch, int capacity, int rows, int classes) {
    int r = blockIdx.x * 256 + threadIdx.x, picture;
    if (r >= total) return;
    int pair = pair_of_row(work, batch, capacity, rows, r, picture);
    y[r * 3] = pair < 0 ? -1 : picture;
    y[r * 3 + 1] = pair < 0 ? -1 : pair % classes;
    y[r * 3 + 2] = pair < 0 ? -1 : pair / classes;
}

// counts [batch], boxes [batch, rows, 4], scores [batch, rows], classes [batch, rows]; unused: zeros, class -1.
extern "C" __global__ void __launch_bounds__(256)
    nms_batched(const int* work, const T* boxes, const T* scores, int* counts, T* kept_boxes, T* kept_scores,
                T* kept_classes, int batch, int capacity, int rows, int count, int classes, int own_boxes) {
    int r = blockIdx.x * 256 + threadIdx.x;
    if (r >= batch * rows) return;
    int picture = r / rows;
    const int* kept = work + (size_t)batch * capacity * 3;
    int own = kept[(size_t)batch * rows + picture];
    if (r % rows == 0) counts[picture] = own;
    bool used = r % rows < own;
    int pair = used ? kept[r] : 0;
    size_t at = ((size_t)picture * count * classes + pair) / (own_boxes ? 1 : classes) * 4;
    for (int d = 0; d < 4; d++) kept_boxes[(size_t)r * 4 + d] = used ? boxes[at + d] : from_float(0.0f);
    kept_scores[r] = used ? scores[(size_t)picture * count * classes + pair] : from_float(0.0f);
    kept_classes[r] = from_float(used ? (float)(pair % classes) : -1.0f);
}

// y [result_count, 7] floats: picture, x1, y1, x2, y2, class, score, in the original's pixels, picture after picture by
// falling score; unused rows are zeros. A thread per row finds its place by counting those that come before it.
extern "C" __global__ void __launch_bounds__(256)
    nms_merge(const int* rows, const T* boxes, const T* scores, float* y, int row_count, int result_count, int count,
              int classes, int centre_size, float left, float top, float factor_x, float factor_y, float width,
              float height) {
    int r = blockIdx.x * 256 + threadIdx.x, place = 0, valid = 0;
    bool used = r < row_count && rows[r * 3] >= 0;
    auto score_of = [&](int i) {
        return to_float(scores[((size_t)rows[i * 3] * count + rows[i * 3 + 2]) * classes + rows[i * 3 + 1]]);
    };
    for (int i = 0; i < row_count && rows[i * 3] >= 0; i++, valid++) {
        if (!used) continue;
        int picture = rows[i * 3], mine = rows[r * 3];
        Best its = {picture == mine ? score_of(i) : 0.0f, i}, own = {picture == mine ? score_of(r) : 0.0f, r};
        place += picture < mine || (picture == mine && its.beats(own));
    }
    if (!used && r >= valid && r < result_count)
        for (int d = 0; d < 7; d++) y[r * 7 + d] = 0.0f;
    if (!used || place >= result_count) return;
    int picture = rows[r * 3], box = rows[r * 3 + 2];
    Corners c = corners(boxes + ((size_t)picture * count + box) * 4, centre_size);
    float* out = y + place * 7;
    out[0] = picture;
    out[1] = fminf(fmaxf((c.x1 - left) * factor_x, 0.0f), width);
    out[2] = fminf(fmaxf((c.y1 - top) * factor_y, 0.0f), height);
    out[3] = fminf(fmaxf((c.x2 - left) * factor_x, 0.0f), width);
    out[4] = fminf(fmaxf((c.y2 - top) * factor_y, 0.0f), height);
    out[5] = rows[r * 3 + 1];
    out[6] = score_of(r);
}
