// JPEG by libjpeg-turbo. Data outside the crop is parsed, as the format requires, but neither transformed nor
// colour-converted. An image much larger than the result is decoded at a half, a quarter or an eighth of its size, if
// that is at least twice the result's size. Pillow's `thumbnail` and libvips do the same.
#include "jpeg.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>


#ifdef WITH_JPEG
#include <csetjmp>
#include <cstdio>
#include <jpeglib.h>
#if !defined(JCS_EXTENSIONS) || !defined(LIBJPEG_TURBO_VERSION_NUMBER) || LIBJPEG_TURBO_VERSION_NUMBER < 2000000
#error "another libjpeg than libjpeg-turbo 2 or newer"
#endif
#endif

namespace images {

#ifdef WITH_JPEG

namespace {

/// libjpeg calls its error handler during its work, and expects it not to return.
struct Errors {
  jpeg_error_mgr base;
  jmp_buf escape;
  char message[JMSG_LENGTH_MAX] = "";

  [[noreturn]] void leave() { longjmp(escape, 1); }
};

Errors& errorsOf(j_common_ptr info) { return *reinterpret_cast<Errors*>(info->err); }

void onError(j_common_ptr info) {
  info->err->format_message(info, errorsOf(info).message);
  errorsOf(info).leave();
}

/// Warnings about irregularities are ignored, as by other programs, except for a premature end.
void onMessage(j_common_ptr info, int level) {
  if (level < 0) info->err->num_warnings++;
}

boolean onPrematureEnd(j_decompress_ptr info) {
  std::snprintf(errorsOf(reinterpret_cast<j_common_ptr>(info)).message, JMSG_LENGTH_MAX, "the file is cut short");
  errorsOf(reinterpret_cast<j_common_ptr>(info)).leave();
}

/// A decompressor of bytes in memory.
class Decompressor {
 public:
  jpeg_decompress_struct info{};
  Errors errors{};
  /// A decoded row: [width, 4].
  std::unique_ptr<uint8_t[]> row;
  std::optional<Scaler> scaler;

  Decompressor() {
    info.err = jpeg_std_error(&errors.base);
    errors.base.error_exit = onError;
    errors.base.emit_message = onMessage;
  }
  ~Decompressor() { jpeg_destroy_decompress(&info); }

  /// Must be called after `setjmp(errors.escape)`.
  void begin(const uint8_t* bytes, size_t length) {
    jpeg_create_decompress(&info);
    jpeg_mem_src(&info, bytes, static_cast<unsigned long>(length));
    info.src->fill_input_buffer = onPrematureEnd;
    jpeg_save_markers(&info, JPEG_APP0 + 1, 0xffff);
    jpeg_save_markers(&info, JPEG_APP0 + 2, 0xffff);
    jpeg_read_header(&info, TRUE);
  }
};

/// Whether the bytes contain `text`; `gap` bytes are between its characters, as in UTF-16.
bool contains(const uint8_t* bytes, size_t length, const char* text, size_t gap) {
  const size_t count = std::strlen(text);
  for (size_t at = 0; at + (count - 1) * gap < length; at++) {
    size_t i = 0;
    while (i < count && bytes[at + i * gap] == static_cast<uint8_t>(text[i])) i++;
    if (i == count) return true;
  }
  return false;
}

/// Whether the image's colours are not sRGB: it has an ICC profile without that name.
bool hasOtherColours(const jpeg_decompress_struct& info) {
  for (auto marker = info.marker_list; marker; marker = marker->next) {
    if (marker->marker != JPEG_APP0 + 2 || marker->data_length < 12 || std::memcmp(marker->data, "ICC_PROFILE", 12) != 0)
      continue;
    return info.num_components != 3 || !(contains(marker->data, marker->data_length, "sRGB", 1) ||
                                         contains(marker->data, marker->data_length, "sRGB", 2));
  }
  return false;
}

/// EXIF is a TIFF without an image: a byte order, then a table whose entry 0x112 is the orientation.
Orientation orientationIn(const uint8_t* tiff, size_t length) {
  if (length < 8) return 1;
  const bool isLittle = tiff[0] == 'I';
  const auto read = [&](size_t at, int bytes) -> uint32_t {
    uint32_t value = 0;
    for (int i = 0; i < bytes; i++) value |= static_cast<uint32_t>(tiff[at + i]) << 8 * (isLittle ? i : bytes - 1 - i);
    return value;
  };
  const size_t table = read(4, 4);
  if (table + 2 > length) return 1;
  const size_t entries = read(table, 2);
  for (size_t i = 0; i < entries; i++) {
    const size_t entry = table + 2 + 12 * i;
    if (entry + 12 > length) return 1;
    if (read(entry, 2) != 0x112) continue;
    const uint32_t value = read(entry + 8, 2);
    return value >= 1 && value <= 8 ? static_cast<Orientation>(value) : 1;
  }
  return 1;
}

Orientation orientationOf(const jpeg_decompress_struct& info) {
  for (auto marker = info.marker_list; marker; marker = marker->next) {
    if (marker->marker == JPEG_APP0 + 1 && marker->data_length >= 6 && std::memcmp(marker->data, "Exif\0", 6) == 0)
      return orientationIn(marker->data + 6, marker->data_length - 6);
  }
  return 1;
}

/// Whether the last bytes have the end marker of a JPEG: then nothing is missing.
bool isWhole(const uint8_t* bytes, size_t length) {
  for (size_t i = length; i-- > std::max<size_t>(length, 1024) - 1024 + 1;)
    if (bytes[i] == 0xd9 && bytes[i - 1] == 0xff) return true;
  return false;
}

/// The factor by which decoding may shrink an image, so that its side is at least twice `size`.
int reductionFor(int side, int size) {
  for (int reduction : {8, 4, 2})
    if (side >= 2 * reduction * size) return reduction;
  return 1;
}

/// The region to decode: larger than the crop, because decoding at the edge uses pixels beyond it.
constexpr int kMargin = 16;

/// CMYK to RGB, [width, 4], as is usual without a profile of the inks. Adobe's programs, which write most of these
/// images, store inverted values; the standard stores the amount of ink.
void lighten(uint8_t* row, size_t width, bool isInked) {
  const auto product = [](int a, int b) { return static_cast<uint8_t>((a * b + 127) / 255); };
  for (uint8_t* pixel = row; pixel < row + 4 * width; pixel += 4) {
    for (int i = 0; i < 4; i++)
      if (isInked) pixel[i] = 255 - pixel[i];
    for (int i = 0; i < 3; i++) pixel[i] = product(pixel[i], pixel[3]);
  }
}

/// Decodes `crop`'s centre square into `decompressor.scaler`. An error leaves this function by `longjmp`, so it must
/// have no local objects with destructors.
__attribute__((noinline)) void decode(Decompressor& decompressor, const uint8_t* bytes, size_t length,
                                      const Rectangle& crop, int size) {
  auto& info = decompressor.info;
  decompressor.begin(bytes, length);
  const int side = std::min(crop.width, crop.height);
  const int reduction = reductionFor(side, size);
  const bool isInk = info.num_components == 4;
  info.scale_num = 1;
  info.scale_denom = static_cast<unsigned>(reduction);
  info.out_color_space = isInk ? JCS_CMYK : JCS_EXT_RGBX;
  jpeg_start_decompress(&info);

  // In decoded pixels, rounded outwards.
  const int outputWidth = static_cast<int>(info.output_width);
  const int outputHeight = static_cast<int>(info.output_height);
  const int left = crop.left / reduction;
  const int top = crop.top / reduction;
  const int width = std::min(outputWidth, (crop.left + crop.width + reduction - 1) / reduction) - left;
  const int height = std::min(outputHeight, (crop.top + crop.height + reduction - 1) / reduction) - top;
  const double scale = reduction;
  const Square square{(crop.left + (crop.width - side) / 2) / scale - left,
                      (crop.top + (crop.height - side) / 2) / scale - top, side / scale};
  Scaler& scaler = decompressor.scaler.emplace(width, height, square, size);

  JDIMENSION readLeft = static_cast<JDIMENSION>(std::max(0, left - kMargin));
  JDIMENSION readWidth = static_cast<JDIMENSION>(std::min(outputWidth, left + width + kMargin)) - readLeft;
  if (readWidth < info.output_width) jpeg_crop_scanline(&info, &readLeft, &readWidth);
  const int firstRow = top + scaler.firstRow();
  const int endRow = top + scaler.endRow();
  const int readTop = std::max(0, firstRow - kMargin);
  if (readTop > 0) jpeg_skip_scanlines(&info, static_cast<JDIMENSION>(readTop));
  decompressor.row.reset(new uint8_t[static_cast<size_t>(readWidth) * 4]);
  uint8_t* const wanted = decompressor.row.get() + 4 * (left - static_cast<int>(readLeft));
  for (int y = readTop; y < endRow; y++) {
    JSAMPROW row = decompressor.row.get();
    jpeg_read_scanlines(&info, &row, 1);
    if (y < firstRow) continue;
    if (isInk) lighten(wanted, static_cast<size_t>(width), !info.saw_Adobe_marker);
    scaler.add(wanted);
  }
  // Reads the remaining rows to detect truncation: skipped rows at the end would not be checked.
  const bool mayLack = !isWhole(bytes, length);
  while (mayLack && info.output_scanline < info.output_height) {
    JSAMPROW row = decompressor.row.get();
    jpeg_read_scanlines(&info, &row, 1);
  }
}

}  // namespace

std::optional<JpegHeader> readHeader(const uint8_t* bytes, size_t length) {
  Decompressor decompressor;
  if (setjmp(decompressor.errors.escape)) return std::nullopt;
  decompressor.begin(bytes, length);
  const auto& info = decompressor.info;
  const bool isKnown = (info.jpeg_color_space == JCS_GRAYSCALE && info.num_components == 1) ||
                       ((info.jpeg_color_space == JCS_YCbCr || info.jpeg_color_space == JCS_RGB) && info.num_components == 3) ||
                       ((info.jpeg_color_space == JCS_YCCK || info.jpeg_color_space == JCS_CMYK) && info.num_components == 4);
  if (!isKnown || info.data_precision != 8 || hasOtherColours(info)) return std::nullopt;
  return JpegHeader{static_cast<int>(info.image_width), static_cast<int>(info.image_height), orientationOf(info)};
}

void readSquare(const uint8_t* bytes, size_t length, const Rectangle& crop, int size, uint8_t* to) {
  Decompressor decompressor;
  if (setjmp(decompressor.errors.escape)) throw std::runtime_error(decompressor.errors.message);
  decode(decompressor, bytes, length, crop, size);
  decompressor.scaler->finish(orientationOf(decompressor.info), to);
}

#else

std::optional<JpegHeader> readHeader(const uint8_t*, size_t) { return std::nullopt; }

void readSquare(const uint8_t*, size_t, const Rectangle&, int, uint8_t*) {
  throw std::logic_error("built without libjpeg-turbo");
}

#endif

}  // namespace images
