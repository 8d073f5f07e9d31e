// XXH64, from its specification (xxhash_spec.md): four lanes over blocks of 32 bytes, then the remaining bytes.
#include "checksum.h"

#include <cstring>

namespace images {

namespace {

constexpr uint64_t kPrimes[] = {0x9e3779b185ebca87, 0xc2b2ae3d27d4eb4f, 0x165667b19e3779f9, 0x85ebca77c2b2ae63,
                                0x27d4eb2f165667c5};

uint64_t rotated(uint64_t value, int bits) { return value << bits | value >> (64 - bits); }

/// Reads little-endian values on every machine.
template <typename Integer>
Integer read(const uint8_t* from) {
  Integer value = 0;
  for (size_t i = 0; i < sizeof value; i++) value |= static_cast<Integer>(from[i]) << 8 * i;
  return value;
}

uint64_t round(uint64_t lane, uint64_t input) { return rotated(lane + input * kPrimes[1], 31) * kPrimes[0]; }

}  // namespace

uint64_t checksum(const uint8_t* bytes, size_t length) {
  const uint8_t* const end = bytes + length;
  uint64_t hash = kPrimes[4];
  if (length >= 32) {
    uint64_t lanes[] = {kPrimes[0] + kPrimes[1], kPrimes[1], 0, 0 - kPrimes[0]};
    for (; end - bytes >= 32; bytes += 32)
      for (int i = 0; i < 4; i++) lanes[i] = round(lanes[i], read<uint64_t>(bytes + 8 * i));
    hash = rotated(lanes[0], 1) + rotated(lanes[1], 7) + rotated(lanes[2], 12) + rotated(lanes[3], 18);
    for (uint64_t lane : lanes) hash = (hash ^ round(0, lane)) * kPrimes[0] + kPrimes[3];
  }
  hash += length;
  for (; end - bytes >= 8; bytes += 8)
    hash = rotated(hash ^ round(0, read<uint64_t>(bytes)), 27) * kPrimes[0] + kPrimes[3];
  for (; end - bytes >= 4; bytes += 4)
    hash = rotated(hash ^ read<uint32_t>(bytes) * kPrimes[0], 23) * kPrimes[1] + kPrimes[2];
  for (; bytes < end; bytes++) hash = rotated(hash ^ *bytes * kPrimes[4], 11) * kPrimes[0];
  hash = (hash ^ hash >> 33) * kPrimes[1];
  hash = (hash ^ hash >> 29) * kPrimes[2];
  return hash ^ hash >> 32;
}

}  // namespace images
