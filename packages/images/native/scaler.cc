// Scaling with a triangle filter. Its half-width is the distance of two input pixels or, when shrinking, of two pixels
// of the result, so that every pixel counts. It equals Pillow's BILINEAR, also in its rounding: weights of 22 bits,
// rows first, and bytes as intermediate values.
#include "scaler.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "vectorize.h"

namespace images {

namespace {

constexpr int kBits = 22;
constexpr int32_t kHalf = 1 << (kBits - 1);

/// The four channels of a pixel, one vector.
typedef int32_t Pixel __attribute__((vector_size(16)));
typedef uint8_t Bytes __attribute__((vector_size(16)));

/// Weighted sums of a row's pixels, [inputs, 4] → [outputs, 4].
ALWAYS_INLINE void sumUp(const int32_t* row, const int* first, const int32_t* weights, int taps, int outputs, int32_t* sums) {
  for (int i = 0; i < outputs; i++, weights += taps) {
    const int32_t* pixel = row + 4 * static_cast<size_t>(first[i]);
    Pixel sum = Pixel{} + kHalf;
    for (int tap = 0; tap < taps; tap++) {
      Pixel value;
      std::memcpy(&value, pixel + 4 * tap, sizeof value);
      sum += value * weights[tap];
    }
    std::memcpy(sums + 4 * static_cast<size_t>(i), &sum, sizeof sum);
  }
}

/// One row of the result from rows of `width` bytes that are `stride` apart.
ALWAYS_INLINE void mix(const uint8_t* rows, size_t stride, const int32_t* weights, int taps, size_t width, uint8_t* to) {
  for (size_t x = 0; x < width; x++) {
    int32_t sum = kHalf;
    for (int tap = 0; tap < taps; tap++) sum += rows[tap * stride + x] * weights[tap];
    to[x] = static_cast<uint8_t>(sum >> kBits);
  }
}

// Loops with a constant length compile without branches.
VECTORIZED void mixRows(const uint8_t* rows, size_t stride, const int32_t* weights, int taps, size_t width, uint8_t* to) {
  if (taps == 2) return mix(rows, stride, weights, 2, width, to);
  if (taps == 3) return mix(rows, stride, weights, 3, width, to);
  if (taps == 4) return mix(rows, stride, weights, 4, width, to);
  mix(rows, stride, weights, taps, width, to);
}

/// One row, [inputs, 4] → [outputs, 3] and one more byte. `wide` and `sums` are buffers for one row each. Weights are
/// positive and add up to one up to rounding, which is too small to turn 255 into 256.
VECTORIZED void scaleRow(const uint8_t* from, int inputs, const int* first, const int32_t* weights, int taps, int outputs,
                         int32_t* wide, int32_t* sums, uint8_t* to) {
  for (int i = 0; i < 4 * inputs; i++) wide[i] = from[i];
  if (taps == 2) sumUp(wide, first, weights, 2, outputs, sums);
  else if (taps == 3) sumUp(wide, first, weights, 3, outputs, sums);
  else if (taps == 4) sumUp(wide, first, weights, 4, outputs, sums);
  else sumUp(wide, first, weights, taps, outputs, sums);
  uint8_t* const narrow = reinterpret_cast<uint8_t*>(wide);
  for (int i = 0; i < 4 * outputs; i++) narrow[i] = static_cast<uint8_t>(sums[i] >> kBits);
  int i = 0;
#if defined(__clang__) || __GNUC__ >= 12
  // Four pixels at a time: bytes written beyond their twelve are overwritten by the next pixels.
  for (; i + 8 <= outputs; i += 4) {
    Bytes four;
    std::memcpy(&four, narrow + 4 * static_cast<size_t>(i), sizeof four);
    four = __builtin_shufflevector(four, four, 0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 15, 15, 15, 15);
    std::memcpy(to + 3 * static_cast<size_t>(i), &four, sizeof four);
  }
#endif
  for (; i < outputs; i++) std::memcpy(to + 3 * static_cast<size_t>(i), narrow + 4 * static_cast<size_t>(i), 4);
}

/// The position of pixel (x, y) of a square of `size` after turning.
size_t placeOf(int x, int y, int size, Orientation orientation) {
  const int last = size - 1;
  const auto at = [size](int column, int row) { return static_cast<size_t>(row) * size + column; };
  switch (orientation) {
    case 2: return at(last - x, y);
    case 3: return at(last - x, last - y);
    case 4: return at(x, last - y);
    case 5: return at(y, x);
    case 6: return at(last - y, x);
    case 7: return at(last - y, last - x);
    case 8: return at(y, last - x);
    default: return at(x, y);
  }
}

}  // namespace

Scaler::Scaler(int width, int height, const Square& square, int size)
    : width_(width),
      size_(size),
      across_(weightsFor(width, square.left, square.side, size)),
      down_(weightsFor(height, square.top, square.side, size)),
      rows_(new uint8_t[static_cast<size_t>(endRow() - firstRow()) * size * 3 + 1]),
      wide_(new int32_t[4 * static_cast<size_t>(std::max(width, size))]),
      sums_(new int32_t[4 * static_cast<size_t>(size)]) {}

Scaler::Weights Scaler::weightsFor(int inputs, double begin, double length, int outputs) {
  const double scale = length / outputs;
  const double reach = std::max(scale, 1.0);
  const int taps = std::min(inputs, static_cast<int>(std::ceil(2 * reach)));
  Weights result{taps, std::vector<int>(outputs), std::vector<int32_t>(static_cast<size_t>(outputs) * taps)};
  std::vector<double> row(taps + 1);
  for (int i = 0; i < outputs; i++) {
    const double centre = begin + (i + 0.5) * scale;
    const int first = std::max(0, static_cast<int>(centre - reach + 0.5));
    const int count = std::min({inputs, static_cast<int>(centre + reach + 0.5), first + taps}) - first;
    double sum = 0;
    for (int tap = 0; tap < count; tap++) {
      row[tap] = std::max(0.0, 1.0 - std::abs((first + tap - centre + 0.5) / reach));
      sum += row[tap];
    }
    // All taps are read: at the image's end they start earlier, with zero weights.
    const int from = std::min(first, inputs - taps);
    result.first[i] = from;
    for (int tap = 0; tap < count; tap++) {
      result.weights[static_cast<size_t>(i) * taps + first - from + tap] =
          static_cast<int32_t>(row[tap] / sum * (1 << kBits) + 0.5);
    }
  }
  return result;
}

void Scaler::add(const uint8_t* row) {
  scaleRow(row, width_, across_.first.data(), across_.weights.data(), across_.taps, size_, wide_.get(), sums_.get(),
           rows_.get() + static_cast<size_t>(added_++) * size_ * 3);
}

void Scaler::finish(Orientation orientation, uint8_t* to) {
  const size_t stride = static_cast<size_t>(size_) * 3;
  const std::unique_ptr<uint8_t[]> line(new uint8_t[stride]);
  for (int y = 0; y < size_; y++) {
    uint8_t* const target = orientation == 1 ? to + y * stride : line.get();
    mixRows(rows_.get() + (down_.first[y] - firstRow()) * stride, stride, down_.weights.data() + static_cast<size_t>(y) * down_.taps,
            down_.taps, stride, target);
    if (orientation == 1) continue;
    for (int x = 0; x < size_; x++) std::memcpy(to + 3 * placeOf(x, y, size_, orientation), target + 3 * x, 3);
  }
}

}  // namespace images
