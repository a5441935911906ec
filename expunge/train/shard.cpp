#include "expunge/train/shard.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <random>
#include <vector>

#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"

namespace expunge {
namespace {

constexpr std::string_view magic = "EXPSHRD1";

[[noreturn]] void fail_system(const char* what, const std::filesystem::path& path, int error) {
  fail<SystemError>("{}: {}: {}", path.string(), what, std::strerror(error));
}

// Writes all bytes or returns errno.
int write_all(int file, const char* bytes, size_t count) {
  while (count > 0) {
    const ssize_t written = ::write(file, bytes, count);
    if (written < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    bytes += written;
    count -= static_cast<size_t>(written);
  }
  return 0;
}

uint32_t crc_of(const char* bytes, size_t count) {
  return static_cast<uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes), count));
}

// A name that no other process on any machine uses. Not a seed of anything that is kept.
std::string fresh_name() {
  std::random_device device;
  const uint64_t word = (static_cast<uint64_t>(device()) << 32) | device();
  return fmt::format("{:016x}.shard", word);
}

}  // namespace

ShardWriter::ShardWriter(std::filesystem::path folder, const RowLayout& layout)
    : folder_(std::move(folder)), layout_(layout) {}

ShardWriter::~ShardWriter() {
  if (file_ >= 0) ::close(file_);
}

void ShardWriter::append(int64_t row, const torch::Tensor& mask, const torch::Tensor& logits) {
  const auto stored = logits.to(layout_.logits_dtype).contiguous();
  if (mask.numel() != layout_.n || stored.size(0) != layout_.m ||
      stored.size(1) != layout_.classes) {
    fail("store row {}: mask ({}) and logits ({}, {}) required, got ({}) and ({})", row, layout_.n,
         layout_.m, layout_.classes, mask.numel(), fmt::join(stored.sizes(), ", "));
  }
  if (!torch::isfinite(stored).all().item<bool>()) {
    fail<NonFiniteError>("store row {}: a logit is not finite as {}", row,
                         toString(layout_.logits_dtype));
  }
  std::vector<char> record(static_cast<size_t>(layout_.row_bytes()));
  char* at = record.data();
  std::memcpy(at, &row, 8);
  std::memcpy(at + 8, mask.contiguous().data_ptr<bool>(), static_cast<size_t>(layout_.n));
  std::memcpy(at + 8 + layout_.n, stored.data_ptr(), static_cast<size_t>(layout_.logits_bytes()));
  const uint32_t crc = crc_of(record.data(), record.size() - 4);
  std::memcpy(record.data() + record.size() - 4, &crc, 4);

  const std::lock_guard lock(mutex_);
  if (file_ < 0) {
    std::filesystem::create_directories(folder_);
    path_ = folder_ / fresh_name();
    file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (file_ < 0) fail_system("cannot be created", path_, errno);
    if (const int error = write_all(file_, magic.data(), magic.size()))
      fail_system("cannot be written", path_, error);
    size_ = static_cast<int64_t>(magic.size());
  }
  if (const int error = write_all(file_, record.data(), record.size())) {
    // Back to whole rows, so that a later append is readable.
    if (::ftruncate(file_, size_) == 0) ::lseek(file_, size_, SEEK_SET);
    fail_system("cannot be written", path_, error);
  }
  size_ += static_cast<int64_t>(record.size());
}

void ShardWriter::sync() {
  const std::lock_guard lock(mutex_);
  if (file_ >= 0 && ::fsync(file_) != 0) fail_system("cannot be synced", path_, errno);
}

void visit_shards(const std::filesystem::path& folder, const RowLayout& layout,
                  const std::function<void(const ShardRow&)>& visit) {
  std::error_code none;
  if (!std::filesystem::is_directory(folder, none)) return;
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".shard") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  const auto row_bytes = static_cast<size_t>(layout.row_bytes());
  for (const auto& path : paths) {
    const MappedFile file(path);
    if (file.size() < magic.size() || std::memcmp(file.data(), magic.data(), magic.size()) != 0)
      continue;
    for (size_t at = magic.size(); at + row_bytes <= file.size(); at += row_bytes) {
      const char* record = reinterpret_cast<const char*>(file.data()) + at;
      uint32_t crc = 0;
      std::memcpy(&crc, record + row_bytes - 4, 4);
      if (crc != crc_of(record, row_bytes - 4)) continue;
      ShardRow row;
      std::memcpy(&row.row, record, 8);
      const auto bytes = [&](size_t offset) { return const_cast<char*>(record) + offset; };
      row.mask = torch::from_blob(bytes(8), {layout.n}, torch::kUInt8).to(torch::kBool);
      // Copied out, because a row begins at any byte.
      row.logits = torch::empty({layout.m, layout.classes}, layout.logits_dtype);
      std::memcpy(row.logits.data_ptr(), bytes(8 + static_cast<size_t>(layout.n)),
                  static_cast<size_t>(layout.logits_bytes()));
      visit(row);
    }
  }
}

}  // namespace expunge
