#include "expunge/core/safetensors.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "expunge/core/array_bytes.h"
#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"

namespace expunge {
namespace {

// The limit of the format's reference implementation.
constexpr uint64_t most_header_bytes = 100'000'000;
constexpr std::string_view metadata_name = "__metadata__";

struct SafetensorsDtype {
  std::string_view name;
  torch::ScalarType dtype;
};
constexpr std::array<SafetensorsDtype, 8> safetensors_dtypes = {{{"BOOL", torch::kBool},
                                                                 {"U8", torch::kUInt8},
                                                                 {"I32", torch::kInt32},
                                                                 {"I64", torch::kInt64},
                                                                 {"F16", torch::kFloat16},
                                                                 {"BF16", torch::kBFloat16},
                                                                 {"F32", torch::kFloat32},
                                                                 {"F64", torch::kFloat64}}};

// Where a tensor lies, counted from the end of the header.
struct Entry {
  std::string name;
  torch::ScalarType dtype;
  std::vector<int64_t> shape;
  size_t begin;
  size_t end;
};

// A JSON string, as it may be printed: one line, not too long.
std::string shown(const nlohmann::json& json) {
  return json.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace).substr(0, 100);
}

// The header, refused where JSON would silently keep the last of two values, or lets itself be
// nested without end.
nlohmann::json parse_header(std::string_view text) {
  using Json = nlohmann::json;
  std::vector<std::set<std::string>> keys;
  const auto check = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > 3) fail<InputError>("nested too deep");
    if (event == Json::parse_event_t::object_start) {
      keys.emplace_back();
    } else if (event == Json::parse_event_t::object_end) {
      keys.pop_back();
    } else if (event == Json::parse_event_t::key) {
      if (!keys.back().insert(parsed.get<std::string>()).second)
        fail<InputError>("{} is there twice", shown(parsed));
    }
    return true;
  };
  try {
    auto header = Json::parse(text, check);
    if (!header.is_object()) fail<InputError>("not a JSON object");
    return header;
  } catch (const Json::parse_error& error) {
    fail<InputError>("no JSON at byte {}", error.byte);
  } catch (const Json::out_of_range&) {
    fail<InputError>("a number that is too large");
  }
}

Entry read_entry(const std::string& name, const nlohmann::json& json) {
  if (!json.is_object() || json.size() != 3 || !json.contains("dtype") || !json.contains("shape") ||
      !json.contains("data_offsets")) {
    fail<InputError>("dtype, shape and data_offsets required, got {}", shown(json));
  }
  const auto is_size = [](const nlohmann::json& j) {
    return j.is_number_unsigned() &&
           j.get<uint64_t>() <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  };
  const auto is_list_of_sizes = [&](const nlohmann::json& j) {
    return j.is_array() && std::all_of(j.begin(), j.end(), is_size);
  };
  const auto& dtype = json["dtype"];
  const auto known = std::find_if(safetensors_dtypes.begin(), safetensors_dtypes.end(),
                                  [&](const auto& d) { return dtype == d.name; });
  if (known == safetensors_dtypes.end()) fail<InputError>("unsupported dtype {}", shown(dtype));
  const auto& shape = json["shape"];
  if (!is_list_of_sizes(shape) || shape.size() > most_dimensions)
    fail<InputError>("a shape required, got {}", shown(shape));
  const auto& offsets = json["data_offsets"];
  if (!is_list_of_sizes(offsets) || offsets.size() != 2)
    fail<InputError>("two data_offsets required, got {}", shown(offsets));
  Entry entry{name, known->dtype, shape.get<std::vector<int64_t>>(), offsets[0].get<size_t>(),
              offsets[1].get<size_t>()};
  const auto bytes = array_bytes(entry.shape, c10::elementSize(entry.dtype));
  if (!bytes) fail<InputError>("shape {} is larger than any file", shown(shape));
  if (entry.end < entry.begin || entry.end - entry.begin != *bytes) {
    fail<InputError>("{} bytes required for shape {} of {}, data_offsets are {}", *bytes,
                     shown(shape), known->name, shown(offsets));
  }
  return entry;
}

std::map<std::string, std::string> read_metadata(const nlohmann::json& json) {
  std::map<std::string, std::string> metadata;
  if (!json.is_object()) fail<InputError>("an object of texts required, got {}", shown(json));
  for (const auto& [key, value] : json.items()) {
    if (!value.is_string()) fail<InputError>("texts required, got {}", shown(value));
    metadata[key] = value.get<std::string>();
  }
  return metadata;
}

torch::Tensor read_tensor(const Entry& entry, std::string_view data) {
  const auto bytes = data.substr(entry.begin, entry.end - entry.begin);
  if (entry.dtype == torch::kBool) {
    if (const auto bad = find_no_bool(bytes))
      fail<InputError>("bool values 0 or 1 required, got another at element {}", *bad);
  }
  auto tensor = torch::empty(entry.shape, entry.dtype);
  if (!bytes.empty()) std::memcpy(tensor.data_ptr(), bytes.data(), bytes.size());
  return tensor;
}

// Calls `read`, and says in its errors what was being read.
template <class Read>
auto within(const std::string& where, const Read& read) {
  try {
    return read();
  } catch (const InputError& error) {
    fail<InputError>("{}: {}", where, error.what());
  }
}

std::string_view dtype_name(const std::string& name, const torch::Tensor& tensor) {
  const auto known = std::find_if(safetensors_dtypes.begin(), safetensors_dtypes.end(),
                                  [&](const auto& d) { return d.dtype == tensor.scalar_type(); });
  if (known == safetensors_dtypes.end())
    fail("safetensors: dtype {} of \"{}\" cannot be written", toString(tensor.scalar_type()), name);
  return known->name;
}

}  // namespace

SafetensorsFile read_safetensors(const std::filesystem::path& path) {
  const auto where = path.string();
  const MappedFile file(path);
  uint64_t header_size = 0;
  if (file.size() < 8)
    fail<InputError>("{}: a safetensors file required, got {} bytes", where, file.size());
  std::memcpy(&header_size, file.data(), 8);
  if (header_size > file.size() - 8) {
    fail<InputError>(
        "{}: a header of {} bytes announced, {} are there: not a safetensors file, or cut off",
        where, header_size, file.size() - 8);
  }
  if (header_size > most_header_bytes)
    fail<InputError>("{}: a header of at most {} bytes required, got {}", where, most_header_bytes,
                     header_size);
  const auto header_text = file.text().substr(8, static_cast<size_t>(header_size));
  const auto data = file.text().substr(8 + static_cast<size_t>(header_size));

  SafetensorsFile result;
  std::vector<Entry> entries;
  const auto header =
      within(where + ": safetensors header", [&] { return parse_header(header_text); });
  const auto in_tensor = [&](const std::string& name) {
    return fmt::format("{}: tensor {}", where, shown(name));
  };
  for (const auto& [name, json] : header.items()) {
    if (name == metadata_name) {
      result.metadata = within(where + ": __metadata__", [&j = json] { return read_metadata(j); });
    } else {
      entries.push_back(
          within(in_tensor(name), [&n = name, &j = json] { return read_entry(n, j); }));
    }
  }
  std::stable_sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  size_t at = 0;
  for (const auto& entry : entries) {
    if (entry.begin != at || entry.end > data.size()) {
      fail<InputError>("{} lies at bytes {} to {}; it must begin at {} and end by {}",
                       in_tensor(entry.name), entry.begin, entry.end, at, data.size());
    }
    at = entry.end;
    result.tensors.emplace_back(
        entry.name, within(in_tensor(entry.name), [&] { return read_tensor(entry, data); }));
  }
  if (at != data.size())
    fail<InputError>("{}: {} bytes of tensors required, got {}", where, at, data.size());
  return result;
}

void write_safetensors(const std::filesystem::path& path,
                       const std::vector<std::pair<std::string, torch::Tensor>>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header[std::string(metadata_name)] = metadata;
  size_t at = 0;
  for (const auto& [name, tensor] : tensors) {
    if (name == metadata_name || header.contains(name))
      fail("safetensors: a tensor cannot be named \"{}\", the name is taken", name);
    const size_t end = at + static_cast<size_t>(tensor.numel()) * tensor.element_size();
    header[name] = {{"dtype", dtype_name(name, tensor)},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", {at, end}}};
    at = end;
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::json::type_error&) {
    fail("{}: names and metadata in UTF-8 required", path.string());
  }
  text.append((8 - text.size() % 8) % 8, ' ');
  const uint64_t size = text.size();
  AtomicFile file(path);
  file.write(&size, 8);
  file.write(text);
  for (const auto& [name, tensor] : tensors) {
    const auto contiguous = tensor.cpu().contiguous();
    file.write(contiguous.data_ptr(),
               static_cast<size_t>(contiguous.numel()) * contiguous.element_size());
  }
  file.commit();
}

}  // namespace expunge
