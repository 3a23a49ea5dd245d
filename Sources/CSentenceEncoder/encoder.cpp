//
// This source file is part of the Parley open source project
// SPDX-License-Identifier: Apache-2.0
//
// The transformer of BERT (Devlin et al. 2018) with mean pooling (Sentence-BERT, Reimers and Gurevych 2019).
//
// Texts of a batch lie one after the other without padding: a product of matrices does not care where one text ends,
// and attention goes text by text.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "include/sentence_encoder.h"
#include "kernels.h"
#include "team.h"

namespace parley {
namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kHugePage = 2 << 20;
/// Rows of a tile of a product: 144 KiB of A, which fits the second cache.
constexpr size_t kBlockRows = 96;
/// Panels of a tile.
constexpr size_t kBlockPanels = 4;
/// Rows of a piece of row-wise work.
constexpr size_t kRowsPerPiece = 16;

/// Floats that begin at a cache line, or at a large page when there are many.
class Floats {
  public:
    Floats() = default;
    explicit Floats(size_t count) : count_(count) {
        size_t bytes = count * sizeof(float);
        size_t alignment = bytes >= 4 * kHugePage ? kHugePage : kAlignment;
        bytes = (bytes + alignment - 1) / alignment * alignment;
        data_.reset(static_cast<float *>(std::aligned_alloc(alignment, bytes)));
        if (!data_) throw std::bad_alloc();
#if defined(__linux__)
        if (alignment == kHugePage) madvise(data_.get(), bytes, MADV_HUGEPAGE);
#endif
    }

    float *data() const { return data_.get(); }
    size_t count() const { return count_; }

  private:
    struct Free {
        void operator()(float *data) const { std::free(data); }
    };
    std::unique_ptr<float, Free> data_;
    size_t count_ = 0;
};

/// Where things are in the memory of the layers.
struct Matrix {
    size_t inner = 0, columns = 0;
    const float *panels = nullptr;
    const float *bias = nullptr;
};

struct Layer {
    Matrix query_key_value, attention_output, inner, output;
    const float *attention_weight, *attention_bias, *output_weight, *output_bias;
};

/// Hands out pieces of one block of memory.
class Cursor {
  public:
    explicit Cursor(float *next) : next_(next) {}

    float *take(size_t count) {
        float *taken = next_;
        next_ += (count + kPanel - 1) / kPanel * kPanel;
        return taken;
    }

  private:
    float *next_;
};

/// Puts `outputs` rows of `inner` weights into the panels from column `first` on, times `scale`.
void pack(
    const float *weight, const float *bias, size_t outputs, size_t inner, size_t first, float scale, float *panels,
    float *biases) {
    for (size_t output = 0; output < outputs; output++) {
        size_t column = first + output;
        float *to = panels + column / kPanel * inner * kPanel + column % kPanel;
        for (size_t k = 0; k < inner; k++) to[k * kPanel] = weight[output * inner + k] * scale;
        biases[column] = bias[output] * scale;
    }
}

bool is_possible(const pse_shape &shape) {
    constexpr int32_t kMost = 1 << 20;
    for (int32_t number :
         {shape.vocabulary, shape.positions, shape.layers, shape.heads, shape.width, shape.inner})
        if (number <= 0 || number > kMost) return false;
    int32_t panel = static_cast<int32_t>(kPanel);
    return shape.width % shape.heads == 0 && shape.width / shape.heads % panel == 0 && shape.inner % panel == 0 &&
           shape.width <= 16384 && shape.inner <= 65536 && shape.layers <= 256 && shape.epsilon > 0;
}

}  // namespace
}  // namespace parley

using namespace parley;

struct pse_team {
    explicit pse_team(int threads) : team(threads) {}
    Team team;
};

struct pse_model {
    pse_shape shape;
    pse_weights weights;
    const Kernels *kernels;
    Floats memory;
    std::vector<Layer> layers;
};

struct pse_session {
    const pse_model *model;
    Team *team;
    size_t tokens;
    Floats memory;
    float *states, *mixed, *context, *sums, *inner, *scratch;
    size_t scratch_stride;
};

// MARK: Files

const uint8_t *pse_map(const char *path, size_t *count) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return nullptr;
    struct stat status;
    void *bytes = MAP_FAILED;
    if (fstat(file, &status) == 0) {
        if (!S_ISREG(status.st_mode) || status.st_size <= 0) {
            errno = EINVAL;
        } else {
            *count = static_cast<size_t>(status.st_size);
            bytes = mmap(nullptr, *count, PROT_READ, MAP_PRIVATE, file, 0);
        }
    }
    int reason = errno;
    close(file);
    errno = reason;
    return bytes == MAP_FAILED ? nullptr : static_cast<const uint8_t *>(bytes);
}

void pse_unmap(const uint8_t *bytes, size_t count) {
    if (bytes) munmap(const_cast<uint8_t *>(bytes), count);
}

// MARK: The model

pse_model *pse_model_create(const pse_shape *shape, const pse_weights *weights, bool portable) try {
    if (!shape || !weights || !is_possible(*shape)) return nullptr;
    auto model = std::make_unique<pse_model>();
    model->shape = *shape;
    model->weights = *weights;
    model->weights.layers = nullptr;
    model->kernels = &kernels(portable);
    size_t width = static_cast<size_t>(shape->width), inner = static_cast<size_t>(shape->inner);
    size_t layers = static_cast<size_t>(shape->layers);
    size_t floats = width * 3 * (width + 1) + (width + 1) * width + (width + 1) * inner + (inner + 1) * width;
    model->memory = Floats(layers * (floats + 4 * width));
    Cursor cursor(model->memory.data());
    float scale = 1.0f / std::sqrt(static_cast<float>(shape->width / shape->heads));
    for (size_t index = 0; index < layers; index++) {
        const pse_layer &from = weights->layers[index];
        auto matrix = [&](size_t rows, size_t columns) {
            float *panels = cursor.take(rows * columns), *bias = cursor.take(columns);
            return Matrix{rows, columns, panels, bias};
        };
        auto fill = [&](const Matrix &to, const pse_affine &it, size_t outputs, size_t first, float by) {
            pack(
                it.weight, it.bias, outputs, to.inner, first, by, const_cast<float *>(to.panels),
                const_cast<float *>(to.bias));
        };
        auto vector = [&](const float *values) {
            float *to = cursor.take(width);
            std::memcpy(to, values, width * sizeof(float));
            return to;
        };
        Layer layer;
        layer.query_key_value = matrix(width, 3 * width);
        fill(layer.query_key_value, from.query, width, 0, scale);
        fill(layer.query_key_value, from.key, width, width, 1);
        fill(layer.query_key_value, from.value, width, 2 * width, 1);
        layer.attention_output = matrix(width, width);
        fill(layer.attention_output, from.attention_output, width, 0, 1);
        layer.inner = matrix(width, inner);
        fill(layer.inner, from.inner, inner, 0, 1);
        layer.output = matrix(inner, width);
        fill(layer.output, from.output, width, 0, 1);
        layer.attention_weight = vector(from.attention_norm.weight);
        layer.attention_bias = vector(from.attention_norm.bias);
        layer.output_weight = vector(from.output_norm.weight);
        layer.output_bias = vector(from.output_norm.bias);
        model->layers.push_back(layer);
    }
    return model.release();
} catch (...) {
    return nullptr;
}

void pse_model_destroy(pse_model *model) { delete model; }

const char *pse_model_kernels(const pse_model *model) { return model->kernels->name; }

// MARK: Sessions

pse_team *pse_team_create(int32_t threads) try {
    return new pse_team(std::clamp(threads, 1, 64));
} catch (...) {
    return nullptr;
}

void pse_team_destroy(pse_team *team) { delete team; }

pse_session *pse_session_create(const pse_model *model, pse_team *team, int32_t tokens) try {
    if (!model || !team || tokens <= 0 || tokens > 1 << 20) return nullptr;
    auto session = std::make_unique<pse_session>();
    session->model = model;
    session->team = &team->team;
    size_t count = static_cast<size_t>(tokens), width = static_cast<size_t>(model->shape.width);
    size_t inner = static_cast<size_t>(model->shape.inner);
    size_t longest = std::min(count, static_cast<size_t>(model->shape.positions));
    session->tokens = count;
    session->scratch_stride = Head::scratch_floats(longest, width / static_cast<size_t>(model->shape.heads));
    session->scratch_stride = (session->scratch_stride + kPanel - 1) / kPanel * kPanel;
    size_t threads = static_cast<size_t>(team->team.threads());
    session->memory = Floats(count * (6 * width + inner) + threads * session->scratch_stride);
    Cursor cursor(session->memory.data());
    session->states = cursor.take(count * width);
    session->mixed = cursor.take(count * 3 * width);
    session->context = cursor.take(count * width);
    session->sums = cursor.take(count * width);
    session->inner = cursor.take(count * inner);
    session->scratch = cursor.take(threads * session->scratch_stride);
    return session.release();
} catch (...) {
    return nullptr;
}

void pse_session_destroy(pse_session *session) { delete session; }

size_t pse_session_bytes(const pse_session *session) { return session->memory.count() * sizeof(float); }

namespace parley {
namespace {

/// A batch on its way through the layers.
struct Batch {
    pse_session &session;
    const int32_t *lengths;
    size_t texts;
    size_t tokens;
    /// Where each text begins.
    std::vector<size_t> starts;

    const pse_model &model() const { return *session.model; }
    const Kernels &kernels() const { return *session.model->kernels; }
    size_t width() const { return static_cast<size_t>(session.model->shape.width); }

    template <typename Work>
    void rows(const Work &work) {
        session.team->run(
            static_cast<uint32_t>((tokens + kRowsPerPiece - 1) / kRowsPerPiece), [&](uint32_t piece, int) {
                size_t first = piece * kRowsPerPiece;
                work(first, std::min(kRowsPerPiece, tokens - first));
            });
    }

    void embed(const int32_t *ids) {
        const pse_weights &weights = model().weights;
        size_t width = this->width();
        session.team->run(static_cast<uint32_t>(texts), [&](uint32_t text, int) {
            size_t start = starts[text], count = static_cast<size_t>(lengths[text]);
            for (size_t index = 0; index < count; index++)
                kernels().add(
                    weights.words + static_cast<size_t>(ids[start + index]) * width, weights.positions + index * width,
                    weights.type, session.sums + (start + index) * width, width);
            kernels().normalise(
                session.sums + start * width, session.states + start * width, count, width, weights.norm.weight,
                weights.norm.bias, model().shape.epsilon);
        });
    }

    void multiply(
        const float *a, const Matrix &matrix, float *c, Product::Finish finish = Product::kPlain,
        const float *residual = nullptr) {
        // Blocks of about the same number of rows, all but the last whole strips.
        size_t blocks = (tokens + kBlockRows - 1) / kBlockRows;
        size_t rows = ((tokens + blocks - 1) / blocks + kStrip - 1) / kStrip * kStrip;
        blocks = (tokens + rows - 1) / rows;
        size_t panels = matrix.columns / kPanel, groups = (panels + kBlockPanels - 1) / kBlockPanels;
        session.team->run(static_cast<uint32_t>(blocks * groups), [&](uint32_t piece, int) {
            size_t row = piece / groups * rows, first = piece % groups * kBlockPanels;
            Product product = {
                a + row * matrix.inner, matrix.inner, std::min(rows, tokens - row), matrix.inner, matrix.panels,
                matrix.bias, c + row * matrix.columns, matrix.columns, finish,
                residual ? residual + row * matrix.columns : nullptr};
            kernels().product(product, first, std::min(first + kBlockPanels, panels));
        });
    }

    void attend() {
        size_t width = this->width(), heads = static_cast<size_t>(model().shape.heads), narrow = width / heads;
        session.team->run(static_cast<uint32_t>(texts * heads), [&](uint32_t piece, int thread) {
            size_t text = piece / heads, column = piece % heads * narrow;
            const float *first = session.mixed + starts[text] * 3 * width + column;
            kernels().attention(
                {first, first + width, first + 2 * width, 3 * width, static_cast<size_t>(lengths[text]), narrow,
                 session.context + starts[text] * width + column, width,
                 session.scratch + static_cast<size_t>(thread) * session.scratch_stride});
        });
    }

    void normalise(const float *weight, const float *bias) {
        size_t width = this->width();
        rows([&](size_t first, size_t count) {
            kernels().normalise(
                session.sums + first * width, session.states + first * width, count, width, weight, bias,
                model().shape.epsilon);
        });
    }

    void pass(const Layer &layer) {
        multiply(session.states, layer.query_key_value, session.mixed);
        attend();
        multiply(session.context, layer.attention_output, session.sums, Product::kResidual, session.states);
        normalise(layer.attention_weight, layer.attention_bias);
        multiply(session.states, layer.inner, session.inner, Product::kGELU);
        multiply(session.inner, layer.output, session.sums, Product::kResidual, session.states);
        normalise(layer.output_weight, layer.output_bias);
    }

    void pool(float *vectors) {
        size_t width = this->width();
        session.team->run(static_cast<uint32_t>(texts), [&](uint32_t text, int) {
            kernels().pool(
                session.states + starts[text] * width, static_cast<size_t>(lengths[text]), width,
                vectors + text * width);
        });
    }
};

}  // namespace
}  // namespace parley

int32_t pse_encode(
    pse_session *session, const int32_t *ids, const int32_t *lengths, int32_t texts, float *vectors,
    pse_between between, void *context) try {
    const pse_shape &shape = session->model->shape;
    if (texts < 0) return PSE_BAD_INPUT;
    Batch batch = {*session, lengths, static_cast<size_t>(texts), 0, {}};
    for (int32_t text = 0; text < texts; text++) {
        if (lengths[text] <= 0 || lengths[text] > shape.positions) return PSE_BAD_INPUT;
        batch.starts.push_back(batch.tokens);
        batch.tokens += static_cast<size_t>(lengths[text]);
        if (batch.tokens > session->tokens) return PSE_BAD_INPUT;
    }
    if (!batch.tokens) return PSE_OK;
    for (size_t index = 0; index < batch.tokens; index++)
        if (ids[index] < 0 || ids[index] >= shape.vocabulary) return PSE_BAD_INPUT;
    batch.embed(ids);
    for (const Layer &layer : session->model->layers) {
        if (between && !between(context)) return PSE_STOPPED;
        batch.pass(layer);
    }
    batch.pool(vectors);
    // A number that is none spreads over its whole vector when that gets its length.
    for (int32_t text = 0; text < texts; text++)
        if (!std::isfinite(vectors[static_cast<size_t>(text) * batch.width()])) return PSE_NOT_FINITE;
    return PSE_OK;
} catch (...) {
    return PSE_BAD_INPUT;
}
