// PyTorch's names for dtypes, memory formats, layouts and reductions.
#include <unordered_map>

#include "common.h"

namespace addon {
namespace {

const std::unordered_map<std::string, at::ScalarType>& scalarTypes() {
  static const std::unordered_map<std::string, at::ScalarType> table = {
      {"float32", at::kFloat}, {"float64", at::kDouble}, {"float16", at::kHalf}, {"bfloat16", at::kBFloat16},
      {"uint8", at::kByte},    {"int8", at::kChar},      {"int16", at::kShort},  {"int32", at::kInt},
      {"int64", at::kLong},    {"bool", at::kBool},
  };
  return table;
}

const std::unordered_map<std::string, int64_t>& otherNames() {
  static const std::unordered_map<std::string, int64_t> table = {
      {"contiguous", static_cast<int64_t>(at::MemoryFormat::Contiguous)},
      {"preserve", static_cast<int64_t>(at::MemoryFormat::Preserve)},
      {"channels_last", static_cast<int64_t>(at::MemoryFormat::ChannelsLast)},
      {"channels_last_3d", static_cast<int64_t>(at::MemoryFormat::ChannelsLast3d)},
      {"strided", static_cast<int64_t>(at::Layout::Strided)},
      {"none", 0},
      {"mean", 1},
      {"sum", 2},
  };
  return table;
}

}  // namespace

at::ScalarType toScalarType(const std::string& name) {
  const auto found = scalarTypes().find(name);
  if (found == scalarTypes().end()) {
    throw ArgumentError("dtype \"" + name +
                        "\" is unknown: float32, float64, float16, bfloat16, uint8, int8, int16, int32, int64 and "
                        "bool are known");
  }
  return found->second;
}

const char* nameOf(at::ScalarType type) {
  for (const auto& [name, value] : scalarTypes()) {
    if (value == type) return name.c_str();
  }
  return c10::toString(type);
}

int64_t enumValue(const std::string& name) {
  const auto type = scalarTypes().find(name);
  if (type != scalarTypes().end()) return static_cast<int64_t>(type->second);
  const auto other = otherNames().find(name);
  if (other != otherNames().end()) return other->second;
  throw ArgumentError("\"" + name + "\" is neither a dtype nor a memory format nor a reduction");
}

}  // namespace addon
