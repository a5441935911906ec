#include "expunge/train/shard.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "expunge/core/crc32.h"
#include "expunge/core/error.h"
#include "expunge/core/system_calls.h"

namespace expunge {
namespace {

constexpr std::string_view magic = "EXPSHRD1";

// A name that no other process on any machine uses. Not a seed of anything that is kept.
std::string fresh_name() {
  std::random_device device;
  const uint64_t word = (static_cast<uint64_t>(device()) << 32) | device();
  return fmt::format("{:016x}.shard", word);
}

// The bytes of one row.
std::string record_of(const RowLayout& layout, int64_t row, const torch::Tensor& mask,
                      const torch::Tensor& logits) {
  if (mask.scalar_type() != torch::kBool || mask.sizes() != at::IntArrayRef({layout.n}) ||
      logits.sizes() != at::IntArrayRef({layout.m, layout.classes})) {
    fail<InputError>(
        "store row {}: mask ({}) Bool and logits ({}, {}) required, got ({}) {} and ({})", row,
        layout.n, layout.m, layout.classes, fmt::join(mask.sizes(), ", "),
        toString(mask.scalar_type()), fmt::join(logits.sizes(), ", "));
  }
  const auto stored = logits.to(layout.logits_dtype).contiguous();
  const auto finite = torch::isfinite(stored);
  if (!finite.all().item<bool>()) {
    const auto at = torch::logical_not(finite).nonzero()[0];
    const auto point = at[0].item<int64_t>();
    const auto c = at[1].item<int64_t>();
    fail<NonFiniteError>(
        "store row {}: a logit that is finite as {} required, got {} (evaluation point {}, class "
        "{})",
        row, layout.logits_dtype == torch::kFloat16 ? "float16" : "float32",
        logits[point][c].item<double>(), point, c);
  }
  std::string record(static_cast<size_t>(layout.row_bytes()), '\0');
  std::memcpy(record.data(), &row, 8);
  std::memcpy(record.data() + 8, mask.contiguous().data_ptr<bool>(), static_cast<size_t>(layout.n));
  std::memcpy(record.data() + 8 + layout.n, stored.data_ptr(),
              static_cast<size_t>(layout.logits_bytes()));
  const uint32_t crc = crc32_of(record.data(), record.size() - 4);
  std::memcpy(record.data() + record.size() - 4, &crc, 4);
  return record;
}

// Regular files *.shard, sorted; none if there is no such folder.
std::vector<std::filesystem::path> shards_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  std::error_code error;
  std::error_code none;
  const std::filesystem::directory_iterator end;
  for (std::filesystem::directory_iterator at(folder, error); !error && at != end;
       at.increment(error)) {
    if (at->path().extension() == ".shard" && at->is_regular_file(none))
      paths.push_back(at->path());
  }
  if (error && error != std::errc::no_such_file_or_directory)
    fail_system(folder, "cannot be listed", error.value());
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace

ShardWriter::ShardWriter(std::filesystem::path folder, const RowLayout& layout)
    : folder_(std::move(folder)), layout_(layout) {}

ShardWriter::~ShardWriter() {
  if (file_ >= 0) ::close(file_);
}

void ShardWriter::append(int64_t row, const torch::Tensor& mask, const torch::Tensor& logits) {
  const auto record = record_of(layout_, row, mask, logits);
  const std::lock_guard lock(mutex_);
  if (file_ < 0) {
    std::filesystem::create_directories(folder_);
    path_ = folder_ / fresh_name();
    size_ = 0;
    file_ = open_retrying(path_, O_WRONLY | O_CREAT | O_EXCL, 0644);
    if (file_ < 0) fail_system(path_, "cannot be created", errno);
    write(magic);
  }
  write(record);
}

void ShardWriter::write(std::string_view bytes) {
  const int error = write_all(file_, bytes);
  if (error == 0) {
    size_ += static_cast<int64_t>(bytes.size());
    return;
  }
  // What is left of this shard are whole rows; later ones go to another. Where even cutting back
  // fails, readers pass over the half row at the end.
  if (size_ <= static_cast<int64_t>(magic.size())) {
    ::unlink(path_.c_str());
  } else {
    [[maybe_unused]] const int cut = ::ftruncate(file_, size_);
  }
  ::close(file_);
  file_ = -1;
  fail_system(path_, "cannot be written", error);
}

// A shard being read. Read instead of mapped, because other processes cut back and remove shards.
class ShardIndex::File {
 public:
  explicit File(const std::filesystem::path& path) : path_(path) {
    file_ = open_retrying(path, O_RDONLY);
    if (file_ < 0 && errno == ENOENT) return;  // removed meanwhile: no rows
    struct stat status {};
    if (file_ < 0) fail_system(path, "cannot be read", errno);
    if (::fstat(file_, &status) != 0) return;
    size_ = static_cast<size_t>(status.st_size);
  }
  ~File() {
    if (file_ >= 0) ::close(file_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] bool is_shard() const {
    char begin[magic.size()];
    return size_ >= magic.size() && read(0, begin, magic.size()) &&
           std::string_view(begin, magic.size()) == magic;
  }
  // False if the file ends, or is removed by another machine, before that many bytes.
  bool read(size_t at, char* bytes, size_t count) const {
    while (count > 0) {
      const ssize_t got = ::pread(file_, bytes, count, static_cast<off_t>(at));
      if (got < 0 && errno == EINTR) continue;
      if (got == 0 || (got < 0 && errno == ESTALE)) return false;
      if (got < 0) fail_system(path_, "cannot be read", errno);
      at += static_cast<size_t>(got);
      bytes += got;
      count -= static_cast<size_t>(got);
    }
    return true;
  }

 private:
  std::filesystem::path path_;
  int file_ = -1;
  size_t size_ = 0;
};

ShardIndex::ShardIndex(const std::filesystem::path& folder, const RowLayout& layout)
    : layout_(layout), paths_(shards_in(folder)) {
  const auto row_bytes = static_cast<size_t>(layout.row_bytes());
  for (size_t i = 0; i < paths_.size(); ++i) {
    const File shard(paths_[i]);
    if (!shard.is_shard()) continue;
    for (size_t at = magic.size(); at + row_bytes <= shard.size(); at += row_bytes) {
      char number[8];
      if (!shard.read(at, number, sizeof number)) break;
      Place place{.row = 0, .file = i, .offset = at};
      std::memcpy(&place.row, number, sizeof number);
      places_.push_back(place);
    }
  }
}

ShardIndex::~ShardIndex() = default;

const ShardIndex::File& ShardIndex::file(size_t index) const {
  if (open_ == nullptr || open_index_ != index) {
    open_ = std::make_unique<File>(paths_[index]);
    open_index_ = index;
  }
  return *open_;
}

std::optional<ShardRow> ShardIndex::read(const Place& place) const {
  std::string record(static_cast<size_t>(layout_.row_bytes()), '\0');
  const auto& shard = file(place.file);
  if (place.offset + record.size() > shard.size() ||
      !shard.read(place.offset, record.data(), record.size()))
    return std::nullopt;
  uint32_t crc = 0;
  std::memcpy(&crc, record.data() + record.size() - 4, 4);
  if (crc != crc32_of(record.data(), record.size() - 4)) return std::nullopt;
  ShardRow row;
  std::memcpy(&row.row, record.data(), 8);
  row.mask = torch::from_blob(record.data() + 8, {layout_.n}, torch::kUInt8).to(torch::kBool);
  // Copied out, because a row's logits begin at any byte.
  row.logits = torch::empty({layout_.m, layout_.classes}, layout_.logits_dtype);
  std::memcpy(row.logits.data_ptr(), record.data() + 8 + layout_.n,
              static_cast<size_t>(layout_.logits_bytes()));
  return row;
}

void visit_shards(const std::filesystem::path& folder, const RowLayout& layout,
                  const std::function<void(const ShardRow&)>& visit) {
  const ShardIndex index(folder, layout);
  for (const auto& place : index.places()) {
    if (const auto row = index.read(place)) visit(*row);
  }
}

}  // namespace expunge
