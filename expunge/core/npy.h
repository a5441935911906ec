// NumPy's array files (.npy, format versions 1 to 3; numpy.lib.format).
//
// dtypes: bool, uint8, int8, int16, int32, int64, float16, float32, float64, little-endian. Arrays
// in Fortran order are refused, because their tensors would not be contiguous.
#pragma once

#include <torch/types.h>

#include <filesystem>
#include <vector>

#include "expunge/core/atomic_file.h"

namespace expunge {

/// An array of its own memory. InputError says what is wrong with the file: no npy magic, header
/// not understood, unsupported dtype or order, more or fewer bytes than shape and dtype require.
torch::Tensor read_npy(const std::filesystem::path& path);

/// The same without copying: the tensor lies in the mapped file and keeps it open. Must not be
/// written to. (Copied all the same where the data are not aligned to the dtype, as NumPy's always
/// are. A bool array is read once, to check that it holds nothing but 0 and 1.)
torch::Tensor map_npy(const std::filesystem::path& path);

/// Writes the whole array or nothing; SystemError if that fails.
void write_npy(const std::filesystem::path& path, const torch::Tensor& array);

/// Writes an array whose rows come one after the other, for arrays larger than memory. Destroyed
/// before finish(), it leaves nothing behind. Error for rows that do not fit.
class NpyWriter {
 public:
  NpyWriter(const std::filesystem::path& path, torch::ScalarType dtype, std::vector<int64_t> shape);
  /// The next rows: (k, shape[1], ...), of the dtype given.
  void append(const torch::Tensor& rows);
  /// Throws Error if rows are missing; else the file is in place.
  void finish();

 private:
  AtomicFile file_;
  torch::ScalarType dtype_;
  std::vector<int64_t> shape_;
  int64_t rows_ = 0;
};

}  // namespace expunge
