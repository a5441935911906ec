# Defines the target expunge_torch: LibTorch's headers and its CPU libraries.
#
# LibTorch's own CMake package is not used: that of a CUDA build demands the CUDA toolkit even for
# CPU work, and linking libtorch_cpu and libc10 is all that CPU work needs.
#
# EXPUNGE_TORCH_DIR  empty (default): the distribution's LibTorch (Debian: libtorch-dev);
#                    else the folder of any other one, e.g. site-packages/torch of a PyPI wheel.
set(EXPUNGE_TORCH_DIR "" CACHE PATH "LibTorch to use: empty for the distribution's, else the folder with include/ and lib/ (a PyPI wheel's site-packages/torch, a libtorch download)")

if(TARGET expunge_torch)
  return()
endif()

if(EXPUNGE_TORCH_DIR)
  set(_torch_hints HINTS "${EXPUNGE_TORCH_DIR}" NO_DEFAULT_PATH)
endif()
find_path(EXPUNGE_TORCH_INCLUDE ATen/ATen.h ${_torch_hints} PATH_SUFFIXES include)
find_path(EXPUNGE_TORCH_API_INCLUDE torch/types.h ${_torch_hints}
          PATH_SUFFIXES include/torch/csrc/api/include torch/csrc/api/include)
find_library(EXPUNGE_TORCH_CPU torch_cpu ${_torch_hints} PATH_SUFFIXES lib)
find_library(EXPUNGE_TORCH_C10 c10 ${_torch_hints} PATH_SUFFIXES lib)
foreach(_part INCLUDE API_INCLUDE CPU C10)
  if(NOT EXPUNGE_TORCH_${_part})
    message(FATAL_ERROR
      "LibTorch not found (EXPUNGE_TORCH_${_part}). Install Debian's libtorch-dev, or set "
      "-DEXPUNGE_TORCH_DIR=<folder with include/ and lib/>, for a PyPI wheel the output of: "
      "python3 -c 'import torch; print(torch.__path__[0])'. EXPUNGE_TORCH_DIR is now '${EXPUNGE_TORCH_DIR}'.")
  endif()
endforeach()
mark_as_advanced(EXPUNGE_TORCH_INCLUDE EXPUNGE_TORCH_API_INCLUDE EXPUNGE_TORCH_CPU EXPUNGE_TORCH_C10)

# A wheel carries the headers of another fmt than the one that is linked: the linked one's go first.
set(_torch_includes "${EXPUNGE_TORCH_INCLUDE}" "${EXPUNGE_TORCH_API_INCLUDE}")
if(EXPUNGE_TORCH_DIR AND EXISTS "${EXPUNGE_TORCH_INCLUDE}/fmt/format.h")
  find_path(EXPUNGE_FMT_INCLUDE fmt/format.h)
  mark_as_advanced(EXPUNGE_FMT_INCLUDE)
  set(_fmt_first "${CMAKE_BINARY_DIR}/fmt_first")
  list(PREPEND _torch_includes "${_fmt_first}")
  file(MAKE_DIRECTORY "${_fmt_first}")
  file(CREATE_LINK "${EXPUNGE_FMT_INCLUDE}/fmt" "${_fmt_first}/fmt" SYMBOLIC)
endif()

add_library(expunge_torch INTERFACE IMPORTED)
set_target_properties(expunge_torch PROPERTIES
  INTERFACE_INCLUDE_DIRECTORIES "${_torch_includes}"
  INTERFACE_LINK_LIBRARIES "${EXPUNGE_TORCH_CPU};${EXPUNGE_TORCH_C10}")
if(EXPUNGE_TORCH_DIR)
  # A wheel carries its own oneDNN, MKL and OpenMP beside libtorch_cpu.
  set_target_properties(expunge_torch PROPERTIES INTERFACE_LINK_OPTIONS "-Wl,-rpath,${EXPUNGE_TORCH_DIR}/lib")
endif()
