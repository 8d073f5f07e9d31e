// Reads JPEGs, and only the part of them that is wanted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "scaler.h"

namespace images {

/// What a JPEG says of itself.
struct JpegHeader {
  int width;
  int height;
  Orientation orientation;
};

/// A part of an image, in whole pixels.
struct Rectangle {
  int left;
  int top;
  int width;
  int height;
};

/// The header of a JPEG that is read here: grey, in three colours or in four, with no
/// other colours than sRGB's; nothing otherwise, and
/// nothing ever where the addon was built without libjpeg-turbo.
std::optional<JpegHeader> readHeader(const uint8_t* bytes, size_t length);

/// The middle square of `crop`, scaled to `size` × `size` and turned as EXIF says, to `to`, [size, size, 3].
/// Throws a `std::runtime_error` that says what is wrong with the bytes.
void readSquare(const uint8_t* bytes, size_t length, const Rectangle& crop, int size, uint8_t* to);

}  // namespace images
