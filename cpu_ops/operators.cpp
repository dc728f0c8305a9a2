// The operators that OpenVINO's CPU plug-in runs for the workbench; its own extension interface, one shared library.
#include <memory>
#include <string>
#include <vector>

#include <openvino/core/extension.hpp>
#include <openvino/core/op_extension.hpp>
#include <openvino/op/op.hpp>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include "winograd.hpp"

// inputs   x [N,H,W,C]; the kernel as cpu_ops/winograd.py packs it; the bias, filled up to whole vectors
// outputs  [N,H',W',channels], float32 throughout
class Winograd : public ov::op::Op {
public:
    OPENVINO_OP("Winograd", "workbench");

    Winograd() = default;
    Winograd(const ov::OutputVector& inputs, int64_t channels, std::vector<int64_t> pads, int64_t dilation, int64_t act)
        : Op(inputs), m_channels(channels), m_pads(std::move(pads)), m_dilation(dilation), m_act(act) {
        constructor_validate_and_infer_types();
    }

    void validate_and_infer_types() override {
        auto shape = get_input_shape(0);
        shape[1] = int64_t(shape[1]) + m_pads[0] + m_pads[2] - 2 * m_dilation;
        shape[2] = int64_t(shape[2]) + m_pads[1] + m_pads[3] - 2 * m_dilation;
        shape[3] = m_channels;
        set_output_type(0, ov::element::f32, shape);
    }

    std::shared_ptr<ov::Node> clone_with_new_inputs(const ov::OutputVector& inputs) const override {
        return std::make_shared<Winograd>(inputs, m_channels, m_pads, m_dilation, m_act);
    }

    bool visit_attributes(ov::AttributeVisitor& visitor) override {
        visitor.on_attribute("channels", m_channels);
        visitor.on_attribute("pads", m_pads);  // top, left, bottom, right
        visitor.on_attribute("dilation", m_dilation);
        visitor.on_attribute("act", m_act);
        return true;
    }

    bool has_evaluate() const override { return true; }

    bool evaluate(ov::TensorVector& outputs, const ov::TensorVector& inputs) const override {
        const auto in = inputs[0].get_shape(), out = outputs[0].get_shape();
        const auto side = [&](size_t axis) {
            const int of_each_phase = winograd::divide_up(int(out[axis]), int(m_dilation));
            return winograd::divide_up(of_each_phase, winograd::OUT);
        };
        const winograd::Convolution s{int(in[0]), int(in[1]), int(in[2]), int(in[3]), int(out[1]), int(out[2]),
                                      int(out[3]), int(m_pads[0]), int(m_pads[1]), int(m_dilation),
                                      winograd::Act(m_act), side(1), side(2)};
        const float* x = inputs[0].data<const float>();
        const float* kernel = inputs[1].data<const float>();
        const float* bias = inputs[2].data<const float>();
        float* y = outputs[0].data<float>();

        const int tiles = winograd::tile_count(s), threads = tbb::this_task_arena::max_concurrency();
        const int rounds = winograd::divide_up(winograd::divide_up(tiles, winograd::tiles_at_once(s)), threads);
        const int64_t parts = int64_t(rounds) * threads;  // all threads end together
        tbb::parallel_for(int64_t(0), parts, [&](int64_t part) {
            const int begin = int(tiles * part / parts), end = int(tiles * (part + 1) / parts);
            if (begin < end) winograd::convolve(s, x, kernel, bias, y, begin, end);
        });
        return true;
    }

private:
    int64_t m_channels = 0;
    std::vector<int64_t> m_pads;
    int64_t m_dilation = 1, m_act = 0;
};

OPENVINO_CREATE_EXTENSIONS(std::vector<ov::Extension::Ptr>({std::make_shared<ov::OpExtension<Winograd>>()}));

// What winograd.py must know to pack a kernel for this processor.
extern "C" __attribute__((visibility("default"))) int workbench_winograd_lanes() { return winograd::LANES; }
