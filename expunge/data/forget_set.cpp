#include "expunge/data/forget_set.h"

#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/core/index_file.h"

namespace expunge {
namespace {

// Checks one index after the other, remembering which were there.
class Checker {
 public:
  explicit Checker(int64_t n) : seen_(static_cast<size_t>(n), false) {}
  void add(int64_t index, const std::string& where) {
    const auto n = static_cast<int64_t>(seen_.size());
    if (index < 0 || index >= n) {
      fail<InputError>(
          "{}: an index from 0 to {} required (there are {} training examples), got {}", where,
          n - 1, n, index);
    }
    if (seen_[static_cast<size_t>(index)])
      fail<InputError>("{}: index {} is there twice", where, index);
    seen_[static_cast<size_t>(index)] = true;
    ++count_;
  }
  void finish(const std::string& where) const {
    if (count_ == 0) fail<InputError>("{}: at least one index to forget required, got none", where);
    if (count_ == static_cast<int64_t>(seen_.size())) {
      fail<InputError>(
          "{}: all {} training examples are to be forgotten; at least one must be retained", where,
          count_);
    }
  }

 private:
  std::vector<bool> seen_;
  int64_t count_ = 0;
};

}  // namespace

std::vector<int64_t> read_forget_set(const std::filesystem::path& path, int64_t n) {
  std::vector<int64_t> forget;
  Checker checker(n);
  read_indices(path, [&](int64_t index, const std::string& where) {
    checker.add(index, where);
    forget.push_back(index);
  });
  checker.finish(path.string());
  return forget;
}

void check_forget_set(std::span<const int64_t> forget, int64_t n, const std::string& where) {
  Checker checker(n);
  for (const int64_t index : forget) checker.add(index, where);
  checker.finish(where);
}

void write_forget_set(const std::filesystem::path& path, std::span<const int64_t> forget,
                      const std::vector<std::string>& comments) {
  std::string text;
  for (const auto& comment : comments) {
    text += "# ";
    for (const char c : comment) {
      const auto byte = static_cast<unsigned char>(c);
      text += byte < 0x20 || byte == 0x7f ? '?' : c;
    }
    text += '\n';
  }
  for (const int64_t index : forget) text += fmt::format("{}\n", index);
  write_file_atomically(path, text);
}

torch::Tensor forget_mask(std::span<const int64_t> forget, int64_t n) {
  auto mask = torch::zeros({n}, torch::kBool);
  auto* values = mask.data_ptr<bool>();
  for (const int64_t index : forget) values[index] = true;
  return mask;
}

std::vector<int64_t> retain_indices(std::span<const int64_t> forget, int64_t n) {
  const auto mask = forget_mask(forget, n);
  const auto* is_forgotten = mask.data_ptr<bool>();
  std::vector<int64_t> retained;
  for (int64_t i = 0; i < n; ++i) {
    if (!is_forgotten[i]) retained.push_back(i);
  }
  return retained;
}

}  // namespace expunge
