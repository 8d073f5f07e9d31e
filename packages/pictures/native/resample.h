// Scales pictures down and up.
#pragma once

#include <cstdint>
#include <vector>

namespace pictures {

/// Rows of pixels of four bytes each, red, green, blue and one that means nothing.
struct Pixels {
  const uint8_t* bytes;
  int width;
  int height;
};

/// A part of a picture, in its pixels; corners may lie between them.
struct Square {
  double left;
  double top;
  double side;
};

/// How a picture is turned for people to see it, as EXIF numbers it: 1 is not at all … 8.
using Orientation = int;

/// Scales `square` of `pixels` to `size` × `size`, turns it, and writes it to `to`, [size, size, 3].
void resample(const Pixels& pixels, const Square& square, int size, Orientation orientation, uint8_t* to);

}  // namespace pictures
