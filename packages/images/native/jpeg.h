// Decodes a part of a JPEG.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "scaler.h"

namespace images {

/// Header fields of a JPEG.
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

/// The header of a supported JPEG: grey, three or four colours, without a colour profile other than sRGB's. Empty for
/// others, and always empty if the addon was built without libjpeg-turbo.
std::optional<JpegHeader> readHeader(const uint8_t* bytes, size_t length);

/// Writes the centre square of `crop`, scaled to `size` × `size` and turned by its EXIF orientation, to `to`,
/// [size, size, 3]. Throws a `std::runtime_error` with the reason if the bytes are invalid.
void readSquare(const uint8_t* bytes, size_t length, const Rectangle& crop, int size, uint8_t* to);

}  // namespace images
