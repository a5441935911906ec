# Defines the target expunge_torch: LibTorch's headers and its CPU libraries; with CUDA its CUDA
# libraries too, and EXPUNGE_HAS_CUDA=1 for who links it.
#
# LibTorch's own CMake package is not used: that of a CUDA build demands the CUDA toolkit even for
# CPU work, and linking libtorch_cpu and libc10 is all that CPU work needs. With CUDA the headers and
# libraries of CUDA's runtime and of NVRTC are needed, which a wheel has beside it (no nvcc).
#
# EXPUNGE_TORCH_DIR  empty (default): the distribution's LibTorch (Debian: libtorch-dev);
#                    else the folder of any other one, e.g. site-packages/torch of a PyPI wheel.
# EXPUNGE_CUDA       AUTO (default): with CUDA where that LibTorch and CUDA's headers have it; ON: demand it; OFF
# EXPUNGE_CUDA_DIR   folder with include/cuda_runtime_api.h and lib/ or lib64/; empty: beside the
#                    wheel (site-packages/nvidia/cu*), /usr/local/cuda
set(EXPUNGE_TORCH_DIR "" CACHE PATH "LibTorch to use: empty for the distribution's, else the folder with include/ and lib/ (a PyPI wheel's site-packages/torch, a libtorch download)")

set(EXPUNGE_CUDA AUTO CACHE STRING "CUDA devices: AUTO, ON or OFF")
set_property(CACHE EXPUNGE_CUDA PROPERTY STRINGS AUTO ON OFF)
set(EXPUNGE_CUDA_DIR "" CACHE PATH "CUDA's headers and libraries: empty to look beside the LibTorch wheel and in /usr/local/cuda")

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

# ---------------------------------------------------------------- CUDA
if(EXPUNGE_CUDA STREQUAL "OFF")
  return()
endif()
set(_cuda_missing "")
find_library(EXPUNGE_TORCH_CUDA torch_cuda ${_torch_hints} PATH_SUFFIXES lib)
find_library(EXPUNGE_TORCH_C10_CUDA c10_cuda ${_torch_hints} PATH_SUFFIXES lib)
if(NOT EXPUNGE_TORCH_CUDA OR NOT EXPUNGE_TORCH_C10_CUDA)
  set(_cuda_missing "this LibTorch has no libtorch_cuda")
else()
  if(EXPUNGE_CUDA_DIR)
    set(_cuda_places "${EXPUNGE_CUDA_DIR}")
  else()
    file(GLOB _cuda_places "${EXPUNGE_TORCH_DIR}/../nvidia/cu[0-9]*")
    list(APPEND _cuda_places /usr/local/cuda)
  endif()
  find_path(EXPUNGE_CUDA_INCLUDE cuda_runtime_api.h HINTS ${_cuda_places} NO_DEFAULT_PATH PATH_SUFFIXES include)
  find_path(EXPUNGE_NVRTC_INCLUDE nvrtc.h HINTS ${_cuda_places} NO_DEFAULT_PATH PATH_SUFFIXES include)
  # Wheels have no links without a version.
  foreach(_part cudart nvrtc)
    string(TOUPPER ${_part} _name)
    find_library(EXPUNGE_${_name} NAMES ${_part} lib${_part}.so.14 lib${_part}.so.13 lib${_part}.so.12
                 HINTS ${_cuda_places} NO_DEFAULT_PATH PATH_SUFFIXES lib lib64)
    mark_as_advanced(EXPUNGE_${_name})
  endforeach()
  if(NOT EXPUNGE_CUDA_INCLUDE OR NOT EXPUNGE_NVRTC_INCLUDE OR NOT EXPUNGE_CUDART OR NOT EXPUNGE_NVRTC)
    set(_cuda_missing "CUDA's runtime and NVRTC (headers and libraries) were not found in: ${_cuda_places}; set -DEXPUNGE_CUDA_DIR=<folder>")
  endif()
endif()
mark_as_advanced(EXPUNGE_TORCH_CUDA EXPUNGE_TORCH_C10_CUDA EXPUNGE_CUDA_INCLUDE EXPUNGE_NVRTC_INCLUDE)
if(_cuda_missing)
  if(EXPUNGE_CUDA STREQUAL "ON")
    message(FATAL_ERROR "CUDA: ${_cuda_missing}")
  elseif(EXPUNGE_TORCH_DIR)
    message(STATUS "No CUDA: ${_cuda_missing}")
  endif()
  return()
endif()
message(STATUS "CUDA: ${EXPUNGE_CUDART}, ${EXPUNGE_NVRTC}")
get_filename_component(_cuda_lib "${EXPUNGE_CUDART}" DIRECTORY)
# libtorch_cuda is reached through registration alone; what it links itself is not the linker's business.
set_target_properties(expunge_torch PROPERTIES
  INTERFACE_INCLUDE_DIRECTORIES "${_torch_includes};${EXPUNGE_CUDA_INCLUDE};${EXPUNGE_NVRTC_INCLUDE}"
  INTERFACE_COMPILE_DEFINITIONS "EXPUNGE_HAS_CUDA=1"
  INTERFACE_LINK_LIBRARIES "-Wl,--no-as-needed;${EXPUNGE_TORCH_CUDA};-Wl,--as-needed;${EXPUNGE_TORCH_C10_CUDA};${EXPUNGE_TORCH_CPU};${EXPUNGE_TORCH_C10};${EXPUNGE_CUDART};${EXPUNGE_NVRTC};${CMAKE_DL_LIBS}"
  INTERFACE_LINK_OPTIONS "-Wl,-rpath,${EXPUNGE_TORCH_DIR}/lib:${_cuda_lib};-Wl,--allow-shlib-undefined")
