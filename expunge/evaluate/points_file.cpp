#include "expunge/evaluate/points_file.h"

#include "expunge/core/error.h"
#include "expunge/core/index_file.h"

namespace expunge {

std::vector<int64_t> read_points(const std::filesystem::path& path, int64_t m) {
  std::vector<int64_t> points;
  std::vector<bool> is_there(static_cast<size_t>(m), false);
  read_indices(path, [&](int64_t index, const std::string& where) {
    if (index < 0 || index >= m) {
      fail<InputError>("{}: an index from 0 to {} required (there are {} points), got {}", where,
                       m - 1, m, index);
    }
    if (is_there[static_cast<size_t>(index)])
      fail<InputError>("{}: index {} is there twice", where, index);
    is_there[static_cast<size_t>(index)] = true;
    points.push_back(index);
  });
  if (points.empty()) {
    fail<InputError>("{}: at least one point required, got none", path.string());
  }
  return points;
}

}  // namespace expunge
