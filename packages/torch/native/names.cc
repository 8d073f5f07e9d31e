// PyTorch's names for dtypes, memory formats, layouts and reductions.
#include <unordered_map>

#include "common.h"

namespace addon {
namespace {

template <typename Value>
using Table = std::unordered_map<std::string, Value>;

const Table<at::ScalarType>& scalarTypes() {
  static const Table<at::ScalarType> table = {
      {"float32", at::kFloat}, {"float64", at::kDouble}, {"float16", at::kHalf}, {"bfloat16", at::kBFloat16},
      {"uint8", at::kByte},    {"int8", at::kChar},      {"int16", at::kShort},  {"int32", at::kInt},
      {"int64", at::kLong},    {"bool", at::kBool},
  };
  return table;
}

const Table<at::MemoryFormat>& memoryFormats() {
  static const Table<at::MemoryFormat> table = {
      {"contiguous", at::MemoryFormat::Contiguous},
      {"preserve", at::MemoryFormat::Preserve},
      {"channels_last", at::MemoryFormat::ChannelsLast},
      {"channels_last_3d", at::MemoryFormat::ChannelsLast3d},
  };
  return table;
}

const Table<at::Layout>& layouts() {
  static const Table<at::Layout> table = {{"strided", at::Layout::Strided}, {"sparse_coo", at::Layout::Sparse}};
  return table;
}

const Table<int64_t>& reductions() {
  static const Table<int64_t> table = {{"none", 0}, {"mean", 1}, {"sum", 2}};
  return table;
}

template <typename Value>
Value find(const Table<Value>& table, const std::string& name, const char* what) {
  const auto found = table.find(name);
  if (found != table.end()) return found->second;
  std::string known;
  for (const auto& [other, value] : table) known += (known.empty() ? "" : ", ") + other;
  throw ArgumentError("\"" + name.substr(0, 40) + "\" is not a " + what + "; expected one of: " + known);
}

}  // namespace

at::ScalarType toScalarType(const std::string& name) { return find(scalarTypes(), name, "dtype"); }

at::MemoryFormat toMemoryFormat(const std::string& name) { return find(memoryFormats(), name, "memory format"); }

at::Layout toLayout(const std::string& name) { return find(layouts(), name, "layout"); }

int64_t toReduction(const std::string& name) { return find(reductions(), name, "reduction"); }

const char* nameOf(at::ScalarType type) {
  for (const auto& [name, value] : scalarTypes()) {
    if (value == type) return name.c_str();
  }
  return c10::toString(type);
}

}  // namespace addon
