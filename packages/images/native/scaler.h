// Scales images down and up.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace images {

/// A part of an image, in its pixels; corners may lie between them.
struct Square {
  double left;
  double top;
  double side;
};

/// How an image is turned for people to see it, as EXIF numbers it: 1 is not at all … 8.
using Orientation = int;

/// Scales a square of an image of `width` × `height` to `size` × `size`, row by row, as they come from a decoder: the
/// image itself need never be there as a whole.
class Scaler {
 public:
  Scaler(int width, int height, const Square& square, int size);

  /// The rows that are needed.
  int firstRow() const { return down_.first.front(); }
  int endRow() const { return down_.first.back() + down_.taps; }

  /// The next of them, [width, 4] bytes: red, green, blue and one that means nothing.
  void add(const uint8_t* row);

  /// When all are there: turns the result and writes it to `to`, [size, size, 3].
  void finish(Orientation orientation, uint8_t* to);

 private:
  /// What each pixel of the result is made of: `taps` pixels from `first[i]` on, by as many weights.
  struct Weights {
    int taps;
    std::vector<int> first;
    std::vector<int32_t> weights;
  };

  /// From `begin` on, `length` of `inputs` pixels become `outputs`.
  static Weights weightsFor(int inputs, double begin, double length, int outputs);

  int width_;
  int size_;
  Weights across_;
  Weights down_;
  int added_ = 0;
  /// Rows that are scaled already, [endRow − firstRow, size, 3] and a byte.
  std::unique_ptr<uint8_t[]> rows_;
  /// Room for one row that comes, and one that is made of it.
  std::unique_ptr<int32_t[]> wide_;
  std::unique_ptr<int32_t[]> sums_;
};

}  // namespace images
