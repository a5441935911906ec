#include "expunge/data/idx.h"

#include <zlib.h>

#include <cstring>
#include <limits>

#include "expunge/core/array_bytes.h"
#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;

// Reads a file that may be compressed with gzip; zlib passes plain files through.
class GzipReader {
 public:
  explicit GzipReader(const fs::path& path) : where_(path.string()) {
    const MappedFile exists(path);  // says plainly why a file cannot be opened
    file_ = ::gzopen(path.c_str(), "rb");
    if (file_ == nullptr) fail<InputError>("{}: cannot be opened", where_);
  }
  ~GzipReader() { ::gzclose(file_); }
  GzipReader(const GzipReader&) = delete;
  GzipReader& operator=(const GzipReader&) = delete;

  /// As many bytes as there are, up to `count`.
  size_t read(void* to, size_t count) {
    size_t done = 0;
    while (done < count) {
      const auto chunk = static_cast<unsigned>(std::min<size_t>(count - done, size_t{1} << 30));
      const int got = ::gzread(file_, static_cast<char*>(to) + done, chunk);
      if (got < 0) {
        int code = 0;
        fail<InputError>("{}: cannot be decompressed: {}", where_, ::gzerror(file_, &code));
      }
      if (got == 0) {
        int code = Z_OK;
        ::gzerror(file_, &code);
        if (code == Z_BUF_ERROR)
          fail<InputError>("{}: cannot be decompressed: the file ends too early", where_);
        break;
      }
      done += static_cast<size_t>(got);
    }
    return done;
  }

 private:
  std::string where_;
  gzFile file_ = nullptr;
};

fs::path plain_or_gz(const fs::path& path) {
  fs::path compressed = path;
  compressed += ".gz";
  return !fs::exists(path) && fs::exists(compressed) ? compressed : path;
}

std::vector<std::string> class_names_of(const fs::path& folder, int64_t classes) {
  const auto name = (folder.filename().empty() ? folder.parent_path() : folder).filename().string();
  if (name.find("fashion") != std::string::npos && classes <= 10) {
    return {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
            "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
  }
  std::vector<std::string> names;
  for (int64_t c = 0; c < std::max<int64_t>(classes, 2); ++c) names.push_back(fmt::format("{}", c));
  return names;
}

}  // namespace

torch::Tensor read_idx_array(const fs::path& path, int64_t rank) {
  const auto where = path.string();
  GzipReader reader(path);
  std::vector<unsigned char> header(static_cast<size_t>(4 + 4 * rank));
  if (reader.read(header.data(), header.size()) != header.size()) {
    fail<InputError>("{}: an IDX header of {} bytes required, the file ends before", where,
                     header.size());
  }
  if (header[0] != 0 || header[1] != 0 || header[2] != 8 || header[3] != rank) {
    fail<InputError>(
        "{}: IDX magic 00 00 08 {:02x} (unsigned bytes, {} dimensions) required, got {:02x} {:02x} "
        "{:02x} {:02x}",
        where, rank, rank, header[0], header[1], header[2], header[3]);
  }
  std::vector<int64_t> shape;
  for (int64_t d = 0; d < rank; ++d) {
    int64_t size = 0;
    for (int64_t b = 0; b < 4; ++b) size = size << 8 | header[static_cast<size_t>(4 + 4 * d + b)];
    shape.push_back(size);
  }
  const auto announced = array_bytes(shape, 1);
  if (!announced) fail<InputError>("{}: the announced sizes are larger than any file", where);
  const size_t count = *announced;
  // Read in pieces, so that a header that lies about the size costs no memory.
  std::vector<unsigned char> bytes;
  constexpr size_t first_piece = size_t{1} << 16;
  while (bytes.size() < count) {
    const size_t before = bytes.size();
    bytes.resize(std::min(before + std::max(before, first_piece), count));
    const size_t got = reader.read(bytes.data() + before, bytes.size() - before);
    if (got < bytes.size() - before) {
      fail<InputError>("{}: {} bytes required for shape ({}), got {}", where, count,
                       fmt::join(shape, ", "), before + got);
    }
  }
  unsigned char extra = 0;
  if (reader.read(&extra, 1) != 0)
    fail<InputError>("{}: more than the {} bytes of shape ({})", where, count,
                     fmt::join(shape, ", "));
  auto tensor = torch::empty(shape, torch::kUInt8);
  if (count > 0) std::memcpy(tensor.data_ptr(), bytes.data(), bytes.size());
  return tensor;
}

Dataset read_idx(const fs::path& folder, const std::string& prefix) {
  const auto images_path = plain_or_gz(folder / (prefix + "-images-idx3-ubyte"));
  Dataset data;
  data.name = fmt::format(
      "{}, {}", (folder.filename().empty() ? folder.parent_path() : folder).filename().string(),
      prefix);
  data.images = read_idx_array(images_path, 3).unsqueeze(1);
  data.labels =
      read_idx_array(plain_or_gz(folder / (prefix + "-labels-idx1-ubyte")), 1).to(torch::kInt64);
  const int64_t classes = data.labels.numel() == 0 ? 0 : data.labels.max().item<int64_t>() + 1;
  data.class_names = class_names_of(folder, classes);
  data.validate(images_path.string());
  return data;
}

}  // namespace expunge
