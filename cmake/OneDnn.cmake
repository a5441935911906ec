# Defines the target expunge_onednn: oneDNN's matrix product, which picks its kernels by the CPU's
# features and threads by OpenMP, whatever BLAS the machine has (docs/decisions/0003-matrix-products.md).
# With a LibTorch of one's own (EXPUNGE_TORCH_DIR) that library's own matrix product is used instead:
# it carries MKL and a oneDNN of another version.
if(TARGET expunge_onednn)
  return()
endif()
add_library(expunge_onednn INTERFACE IMPORTED)
if(NOT EXPUNGE_TORCH_DIR)
  # Its own CMake package demands OpenCL, of which the matrix product needs nothing.
  find_path(EXPUNGE_ONEDNN_INCLUDE oneapi/dnnl/dnnl.h)
  find_library(EXPUNGE_ONEDNN_LIBRARY dnnl)
  mark_as_advanced(EXPUNGE_ONEDNN_INCLUDE EXPUNGE_ONEDNN_LIBRARY)
  if(EXPUNGE_ONEDNN_INCLUDE AND EXPUNGE_ONEDNN_LIBRARY)
    set_target_properties(expunge_onednn PROPERTIES
      INTERFACE_INCLUDE_DIRECTORIES "${EXPUNGE_ONEDNN_INCLUDE}"
      INTERFACE_LINK_LIBRARIES "${EXPUNGE_ONEDNN_LIBRARY}"
      INTERFACE_COMPILE_DEFINITIONS EXPUNGE_HAS_ONEDNN=1)
  else()
    message(WARNING "oneDNN not found (Debian: libdnnl-dev): matrix products fall back to LibTorch's BLAS")
  endif()
endif()
