// Scaling with a triangle, as wide as the distance of two pixels or, when a picture becomes smaller, of two of the
// result's: every pixel counts, and none twice. This is what Pillow calls BILINEAR, with its rounding: weights of 22
// bits, rows first, and bytes in between.
#include "resample.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "vectorize.h"

namespace pictures {

namespace {

constexpr int kBits = 22;

/// What each pixel of the result is made of: `taps` weights, the first for pixel `first[i]`.
struct Weights {
  int taps;
  std::vector<int> first;
  std::vector<int32_t> weights;
};

/// From `begin` on, `length` of `inputs` pixels become `outputs`.
Weights weightsFor(int inputs, double begin, double length, int outputs) {
  const double scale = length / outputs;
  const double reach = std::max(scale, 1.0);
  Weights result{static_cast<int>(std::ceil(2 * reach)), {}, {}};
  result.first.resize(outputs);
  result.weights.assign(static_cast<size_t>(outputs) * result.taps, 0);
  std::vector<double> row(result.taps);
  for (int i = 0; i < outputs; i++) {
    const double centre = begin + (i + 0.5) * scale;
    const int first = std::max(0, static_cast<int>(centre - reach + 0.5));
    const int count = std::min(inputs, static_cast<int>(centre + reach + 0.5)) - first;
    double sum = 0;
    for (int tap = 0; tap < count; tap++) {
      row[tap] = std::max(0.0, 1.0 - std::abs((first + tap - centre + 0.5) / reach));
      sum += row[tap];
    }
    // All taps are read: the last pixels of a row are left of where that would begin.
    const int from = std::max(0, std::min(first, inputs - result.taps));
    result.first[i] = from;
    for (int tap = 0; tap < count; tap++) {
      const double weight = sum > 0 ? row[tap] / sum : 0;
      result.weights[static_cast<size_t>(i) * result.taps + first - from + tap] =
          static_cast<int32_t>(weight * (1 << kBits) + 0.5);
    }
  }
  return result;
}

/// The four channels of a pixel: what one instruction works on.
typedef int32_t Pixel __attribute__((vector_size(16)));

/// The sums of a row's pixels, [inputs, 4], by their weights: [outputs, 4].
ALWAYS_INLINE void sumUp(const int32_t* row, const Weights& weights, int taps, int32_t* sums) {
  const int outputs = static_cast<int>(weights.first.size());
  const int* first = weights.first.data();
  const int32_t* weight = weights.weights.data();
  for (int i = 0; i < outputs; i++, weight += weights.taps) {
    const int32_t* pixel = row + 4 * static_cast<size_t>(first[i]);
    Pixel sum = Pixel{} + (1 << (kBits - 1));
    for (int tap = 0; tap < taps; tap++) {
      Pixel value;
      __builtin_memcpy(&value, pixel + 4 * tap, sizeof value);
      sum += value * weight[tap];
    }
    __builtin_memcpy(sums + 4 * static_cast<size_t>(i), &sum, sizeof sum);
  }
}

/// One row, [inputs, 4], to [outputs, 4]. `wide` and `sums` have room for one row each. Weights are positive and add
/// up to one, but for their rounding, which is far too little to make 256 of 255.
VECTORIZED void scaleRow(const uint8_t* from, int inputs, const Weights& weights, int32_t* wide, int32_t* sums,
                         uint8_t* to) {
  const int taps = std::min(weights.taps, inputs);
  const int outputs = static_cast<int>(weights.first.size());
  for (int i = 0; i < 4 * inputs; i++) wide[i] = from[i];
  // Loops of a length that the compiler knows have no branches.
  if (taps == 2) sumUp(wide, weights, 2, sums);
  else if (taps == 3) sumUp(wide, weights, 3, sums);
  else if (taps == 4) sumUp(wide, weights, 4, sums);
  else sumUp(wide, weights, taps, sums);
  for (int i = 0; i < 4 * outputs; i++) to[i] = static_cast<uint8_t>(sums[i] >> kBits);
}

/// One row of the result, of rows of `width` bytes each.
VECTORIZED void mixRows(const uint8_t* rows, size_t width, const int32_t* weights, int taps, int32_t* sums, uint8_t* to) {
  for (size_t x = 0; x < width; x++) sums[x] = 1 << (kBits - 1);
  for (int tap = 0; tap < taps; tap++) {
    const int32_t weight = weights[tap];
    if (weight == 0) continue;
    const uint8_t* row = rows + tap * width;
    for (size_t x = 0; x < width; x++) sums[x] += row[x] * weight;
  }
  for (size_t x = 0; x < width; x++) to[x] = static_cast<uint8_t>(sums[x] >> kBits);
}

/// Where pixel (x, y) of a square of `size` goes when it is turned.
size_t placeOf(int x, int y, int size, Orientation orientation) {
  const int last = size - 1;
  switch (orientation) {
    case 2: return static_cast<size_t>(y) * size + (last - x);
    case 3: return static_cast<size_t>(last - y) * size + (last - x);
    case 4: return static_cast<size_t>(last - y) * size + x;
    case 5: return static_cast<size_t>(x) * size + y;
    case 6: return static_cast<size_t>(x) * size + (last - y);
    case 7: return static_cast<size_t>(last - x) * size + (last - y);
    case 8: return static_cast<size_t>(last - x) * size + y;
    default: return static_cast<size_t>(y) * size + x;
  }
}

}  // namespace

void resample(const Pixels& pixels, const Square& square, int size, Orientation orientation, uint8_t* to) {
  const Weights across = weightsFor(pixels.width, square.left, square.side, size);
  const Weights down = weightsFor(pixels.height, square.top, square.side, size);
  const int taps = std::min(down.taps, pixels.height);
  const size_t width = static_cast<size_t>(size) * 4;
  const int firstRow = down.first.front();
  const int endRow = down.first.back() + taps;
  // The parts of rows that make up the result are needed several times.
  const std::unique_ptr<uint8_t[]> rows(new uint8_t[(endRow - firstRow) * width]);
  const std::unique_ptr<int32_t[]> wide(new int32_t[static_cast<size_t>(pixels.width) * 4]);
  const std::unique_ptr<int32_t[]> sums(new int32_t[width]);
  const std::unique_ptr<uint8_t[]> line(new uint8_t[width]);
  for (int row = firstRow; row < endRow; row++) {
    scaleRow(pixels.bytes + static_cast<size_t>(row) * pixels.width * 4, pixels.width, across, wide.get(), sums.get(),
             rows.get() + (row - firstRow) * width);
  }
  for (int y = 0; y < size; y++) {
    mixRows(rows.get() + static_cast<size_t>(down.first[y] - firstRow) * width, width,
            down.weights.data() + static_cast<size_t>(y) * down.taps, taps, sums.get(), line.get());
    if (orientation == 1) {
      uint8_t* out = to + static_cast<size_t>(y) * size * 3;
      for (int x = 0; x < size; x++) {
        out[3 * x] = line[4 * x];
        out[3 * x + 1] = line[4 * x + 1];
        out[3 * x + 2] = line[4 * x + 2];
      }
      continue;
    }
    for (int x = 0; x < size; x++) {
      uint8_t* out = to + 3 * placeOf(x, y, size, orientation);
      for (int channel = 0; channel < 3; channel++) out[channel] = line[4 * x + channel];
    }
  }
}

}  // namespace pictures
