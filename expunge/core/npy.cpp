#include "expunge/core/npy.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>

#include "expunge/core/array_bytes.h"
#include "expunge/core/error.h"
#include "expunge/core/printable.h"

namespace expunge {
namespace {

struct DtypeName {
  std::string_view name;
  torch::ScalarType dtype;
};
constexpr std::array<DtypeName, 9> dtypes = {{{"|b1", torch::kBool},
                                              {"|u1", torch::kUInt8},
                                              {"|i1", torch::kInt8},
                                              {"<i2", torch::kInt16},
                                              {"<i4", torch::kInt32},
                                              {"<i8", torch::kInt64},
                                              {"<f2", torch::kFloat16},
                                              {"<f4", torch::kFloat32},
                                              {"<f8", torch::kFloat64}}};

std::string header_text(torch::ScalarType dtype, const std::vector<int64_t>& shape) {
  std::string_view descr;
  for (const auto& known : dtypes) {
    if (known.dtype == dtype) descr = known.name;
  }
  if (descr.empty()) fail("npy: dtype {} cannot be written", toString(dtype));
  std::string tuple = fmt::format("{}", fmt::join(shape, ", "));
  if (shape.size() == 1) tuple += ",";
  std::string dict =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", descr, tuple);
  constexpr size_t prefix = 10;  // magic, version, length
  const size_t padded = (prefix + dict.size() + 1 + 63) / 64 * 64;
  if (padded - prefix > 0xffff)
    fail("npy: an array of {} dimensions cannot be written", shape.size());
  dict.append(padded - prefix - dict.size() - 1, ' ');
  dict += '\n';
  std::string text("\x93NUMPY\x01\x00", 8);
  text += static_cast<char>(dict.size() & 0xff);
  text += static_cast<char>(dict.size() >> 8);
  return text + dict;
}

// The header's Python dictionary, of which only the three keys that NumPy writes are known.
class DictReader {
 public:
  DictReader(std::string_view text, std::string where) : text_(text), where_(std::move(where)) {}

  struct Result {
    std::string descr;
    bool fortran_order = false;
    std::vector<int64_t> shape;
  };

  Result read() {
    Result result;
    bool has_descr = false;
    bool has_order = false;
    bool has_shape = false;
    expect('{');
    while (!accept('}')) {
      const auto key = quoted();
      expect(':');
      if (key == "descr" && !has_descr) {
        result.descr = quoted();
        has_descr = true;
      } else if (key == "fortran_order" && !has_order) {
        result.fortran_order = boolean();
        has_order = true;
      } else if (key == "shape" && !has_shape) {
        result.shape = tuple();
        has_shape = true;
      } else {
        broken("one each of descr, fortran_order and shape required");
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_space();
    if (!has_descr || !has_order || !has_shape) broken("descr, fortran_order and shape required");
    if (at_ != text_.size()) broken("something follows the dictionary");
    return result;
  }

 private:
  [[noreturn]] void broken(std::string_view why) const {
    fail<InputError>("{}: the npy header is not understood at its byte {}: {}", where_, at_, why);
  }
  void skip_space() {
    while (at_ < text_.size() && std::strchr(" \t\n", text_[at_]) != nullptr && text_[at_] != 0)
      ++at_;
  }
  bool accept(char c) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) broken(fmt::format("\"{}\" required", c));
  }
  std::string quoted() {
    char quote = '\'';
    if (!accept(quote)) {
      quote = '"';
      if (!accept(quote)) broken("a text in quotes required (structured dtypes are not supported)");
    }
    const size_t end = text_.find(quote, at_);
    if (end == std::string_view::npos) broken("a text without an end");
    const std::string value(text_.substr(at_, end - at_));
    at_ = end + 1;
    return value;
  }
  bool boolean() {
    skip_space();
    for (const std::string_view word : {"True", "False"}) {
      if (text_.substr(at_, word.size()) == word) {
        at_ += word.size();
        return word == "True";
      }
    }
    broken("True or False required");
  }
  std::vector<int64_t> tuple() {
    std::vector<int64_t> sizes;
    expect('(');
    while (!accept(')')) {
      skip_space();
      int64_t size = 0;
      const auto [end, error] =
          std::from_chars(text_.data() + at_, text_.data() + text_.size(), size);
      if (error != std::errc{} || size < 0) broken("a size required");
      if (sizes.size() == most_dimensions) broken("too many dimensions");
      at_ = static_cast<size_t>(end - text_.data());
      accept('L');  // Python 2 wrote long numbers so
      sizes.push_back(size);
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return sizes;
  }

  std::string_view text_;
  std::string where_;
  size_t at_ = 0;
};

std::optional<torch::ScalarType> dtype_of(const std::string& descr) {
  for (const auto& known : dtypes) {
    if (descr == known.name) return known.dtype;
    // One-byte types have no byte order; some writers give one all the same.
    const bool one_byte = known.name[0] == '|' && descr.size() == 3;
    if (one_byte && std::string_view("<>=").find(descr[0]) != std::string_view::npos &&
        descr.substr(1) == known.name.substr(1)) {
      return known.dtype;
    }
  }
  return std::nullopt;
}

struct Parsed {
  torch::ScalarType dtype;
  std::vector<int64_t> shape;
  size_t offset;
};

Parsed parse(const MappedFile& file, const std::string& where) {
  const auto text = file.text();
  if (text.size() < 10 || text.substr(0, 6) != "\x93NUMPY") {
    fail<InputError>("{}: an npy file required, got one that does not begin as one", where);
  }
  const auto byte = [&](size_t i) {
    return static_cast<size_t>(static_cast<unsigned char>(text[i]));
  };
  const size_t major = byte(6);
  if (major < 1 || major > 3)
    fail<InputError>("{}: npy format version 1 to 3 required, got {}", where, major);
  const size_t length_bytes = major == 1 ? 2 : 4;
  const auto cut_off = [&](size_t required) {
    fail<InputError>("{}: an npy header of {} bytes required, got {}", where, required,
                     text.size());
  };
  if (text.size() < 8 + length_bytes) cut_off(8 + length_bytes);
  size_t length = 0;
  for (size_t i = 0; i < length_bytes; ++i) length |= byte(8 + i) << (8 * i);
  const size_t begin = 8 + length_bytes;
  if (length > text.size() - begin) cut_off(begin + length);

  const auto header = DictReader(text.substr(begin, length), where).read();
  Parsed parsed{torch::kFloat32, header.shape, begin + length};
  const auto dtype = dtype_of(header.descr);
  if (!dtype) {
    fail<InputError>(
        "{}: dtype bool, uint8, int8 to int64 or float16 to float64, little-endian, required, got "
        "\"{}\"",
        where, printable(header.descr, 40));
  }
  parsed.dtype = *dtype;
  const size_t available = text.size() - parsed.offset;
  const auto required = array_bytes(header.shape, c10::elementSize(*dtype));
  if (!required) {
    fail<InputError>("{}: shape ({}) is larger than any file", where,
                     fmt::join(header.shape, ", "));
  }
  if (*required != available) {
    fail<InputError>("{}: {} bytes required for shape ({}) of {}, got {}", where, *required,
                     fmt::join(header.shape, ", "), header.descr, available);
  }
  const auto longer_than_one =
      std::count_if(header.shape.begin(), header.shape.end(), [](int64_t s) { return s != 1; });
  if (header.fortran_order && longer_than_one > 1) {
    fail<InputError>("{}: C order required, got Fortran order (numpy.ascontiguousarray turns it)",
                     where);
  }
  if (parsed.dtype == torch::kBool) {
    if (const auto bad = find_no_bool(text.substr(parsed.offset))) {
      fail<InputError>("{}: bool values 0 or 1 required, got {} at element {}", where,
                       byte(parsed.offset + *bad), *bad);
    }
  }
  return parsed;
}

}  // namespace

torch::Tensor map_npy(const std::filesystem::path& path) {
  const auto file = std::make_shared<MappedFile>(path);
  const auto parsed = parse(*file, path.string());
  const auto options = torch::TensorOptions().dtype(parsed.dtype);
  if (file->size() == parsed.offset) return torch::empty(parsed.shape, options);
  auto* data = const_cast<std::byte*>(file->data()) + parsed.offset;
  if (reinterpret_cast<uintptr_t>(data) % c10::elementSize(parsed.dtype) != 0) {
    auto copy = torch::empty(parsed.shape, options);
    std::memcpy(copy.data_ptr(), data, file->size() - parsed.offset);
    return copy;
  }
  return torch::from_blob(
      data, parsed.shape, [file](void*) {}, options);
}

torch::Tensor read_npy(const std::filesystem::path& path) {
  return map_npy(path).clone();
}

void write_npy(const std::filesystem::path& path, const torch::Tensor& array) {
  const auto contiguous = array.cpu().contiguous();
  AtomicFile file(path);
  file.write(header_text(contiguous.scalar_type(), contiguous.sizes().vec()));
  file.write(contiguous.data_ptr(),
             static_cast<size_t>(contiguous.numel()) * contiguous.element_size());
  file.commit();
}

NpyWriter::NpyWriter(const std::filesystem::path& path, torch::ScalarType dtype,
                     std::vector<int64_t> shape)
    : file_(path), dtype_(dtype), shape_(std::move(shape)) {
  if (shape_.empty()) fail("npy: an array of at least one dimension is written by rows");
  file_.write(header_text(dtype_, shape_));
}

void NpyWriter::append(const torch::Tensor& rows) {
  const auto row_shape = at::IntArrayRef(shape_).slice(1);
  if (rows.scalar_type() != dtype_ || rows.dim() != static_cast<int64_t>(shape_.size()) ||
      rows.sizes().slice(1) != row_shape || rows_ + rows.size(0) > shape_[0]) {
    fail("{}: at most {} rows ({}) of {} required, got ({}) of {}", file_.path().string(),
         shape_[0] - rows_, fmt::join(row_shape, ", "), toString(dtype_),
         fmt::join(rows.sizes(), ", "), toString(rows.scalar_type()));
  }
  const auto contiguous = rows.cpu().contiguous();
  file_.write(contiguous.data_ptr(),
              static_cast<size_t>(contiguous.numel()) * contiguous.element_size());
  rows_ += rows.size(0);
}

void NpyWriter::finish() {
  if (rows_ != shape_[0])
    fail("{}: {} rows required, got {}", file_.path().string(), shape_[0], rows_);
  file_.commit();
}

}  // namespace expunge
