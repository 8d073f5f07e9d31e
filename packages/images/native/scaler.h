// Scales images down and up.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace images {

/// A part of an image in pixels; corners may be fractional.
struct Square {
  double left;
  double top;
  double side;
};

/// EXIF orientation: 1 (upright) to 8.
using Orientation = int;

/// Scales a square of an image of `width` × `height` to `size` × `size`, row by row as a decoder produces them. The
/// whole image is never in memory.
class Scaler {
 public:
  Scaler(int width, int height, const Square& square, int size);

  /// The rows that are needed.
  int firstRow() const { return down_.first.front(); }
  int endRow() const { return down_.first.back() + down_.taps; }

  /// Adds the next of them, [width, 4] bytes: red, green, blue and one that is ignored.
  void add(const uint8_t* row);

  /// After all rows: turns the result and writes it to `to`, [size, size, 3].
  void finish(Orientation orientation, uint8_t* to);

 private:
  /// The inputs of each pixel of the result: `taps` pixels from `first[i]`, with one weight each.
  struct Weights {
    int taps;
    std::vector<int> first;
    std::vector<int32_t> weights;
  };

  /// Maps `length` of `inputs` pixels from `begin` to `outputs` pixels.
  static Weights weightsFor(int inputs, double begin, double length, int outputs);

  int width_;
  int size_;
  Weights across_;
  Weights down_;
  int added_ = 0;
  /// Rows that are already scaled, [endRow − firstRow, size, 3] and one more byte.
  std::unique_ptr<uint8_t[]> rows_;
  /// Buffers for one input row and one scaled row.
  std::unique_ptr<int32_t[]> wide_;
  std::unique_ptr<int32_t[]> sums_;
};

}  // namespace images
