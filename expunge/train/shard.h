// The part of an ensemble's store that one process writes while the store is being filled.
//
// Each process appends finished rows to a file of its own, because several machines writing pages
// of one file over NFS lose each other's bytes. A row is written by one write call and carries a
// checksum: what a killed process left half written is recognised and skipped.
//
// File: 8 bytes "EXPSHRD1", then rows. Row: int64 row number, n bytes mask (0 or 1), m C logits,
// uint32 CRC-32 of all of that, little-endian.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

namespace expunge {

/// Sizes of one row of a store.
struct RowLayout {
  int64_t n = 0;        // training examples
  int64_t m = 0;        // evaluation points
  int64_t classes = 0;  // C
  torch::ScalarType logits_dtype = torch::kFloat32;

  [[nodiscard]] int64_t logits_bytes() const {
    return m * classes * static_cast<int64_t>(c10::elementSize(logits_dtype));
  }
  [[nodiscard]] int64_t row_bytes() const { return 8 + n + logits_bytes() + 4; }
};

class ShardWriter {
 public:
  /// Makes a file with a fresh name in `folder` at the first append.
  ShardWriter(std::filesystem::path folder, const RowLayout& layout);
  ~ShardWriter();
  ShardWriter(const ShardWriter&) = delete;
  ShardWriter& operator=(const ShardWriter&) = delete;

  /// mask (n) bool, logits (m, C), converted to the layout's dtype; NonFiniteError names the logit
  /// that is not finite in it. Thread-safe. SystemError if the disk is full: the shard is cut back
  /// to whole rows, the store stays readable, and a later append may succeed.
  void append(int64_t row, const torch::Tensor& mask, const torch::Tensor& logits);

 private:
  void write(std::string_view bytes);

  std::filesystem::path folder_;
  RowLayout layout_;
  std::filesystem::path path_;
  int file_ = -1;
  int64_t size_ = 0;  // bytes of the magic and whole rows
  std::mutex mutex_;
};

/// A row as it lies in a shard.
struct ShardRow {
  int64_t row = 0;
  torch::Tensor mask;    // (n) bool
  torch::Tensor logits;  // (m, C)
};

/// Where the rows of a folder's shards lie, by their numbers alone: 8 bytes a row are read. What is
/// damaged shows when the row itself is read. Other processes may append and remove shards meanwhile.
/// One thread at a time.
class ShardIndex {
 public:
  struct Place {
    int64_t row = 0;  // as it stands there: any number
    size_t file = 0;
    size_t offset = 0;  // bytes from the file's beginning
  };

  ShardIndex(const std::filesystem::path& folder, const RowLayout& layout);
  ~ShardIndex();
  ShardIndex(const ShardIndex&) = delete;
  ShardIndex& operator=(const ShardIndex&) = delete;

  /// Whole rows in the order of file names, then of position; a row may come twice, with the same bytes.
  [[nodiscard]] const std::vector<Place>& places() const { return places_; }
  /// nullopt if the row is damaged, or its file was removed meanwhile.
  [[nodiscard]] std::optional<ShardRow> read(const Place& place) const;

 private:
  class File;
  [[nodiscard]] const File& file(size_t index) const;

  RowLayout layout_;
  std::vector<std::filesystem::path> paths_;
  std::vector<Place> places_;
  mutable std::unique_ptr<File> open_;  // the file that was read last
  mutable size_t open_index_ = 0;
};

/// Calls `visit` for every whole and intact row of every shard in `folder`, in the order of file
/// names; a row may come twice, with the same bytes. Half-written and damaged rows are passed over,
/// and so are files that are no shards.
void visit_shards(const std::filesystem::path& folder, const RowLayout& layout,
                  const std::function<void(const ShardRow&)>& visit);

}  // namespace expunge
