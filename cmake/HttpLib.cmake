# Defines the target expunge_httplib: cpp-httplib, for expunge desk serve.
#
# Debian's is a header and a library that was compiled with three macros (its pkg-config file names them), without
# which the two disagree about the size of a request. Elsewhere it is a header alone, which needs none.
if(TARGET expunge_httplib)
  return()
endif()
find_path(EXPUNGE_HTTPLIB_INCLUDE httplib.h)
find_library(EXPUNGE_HTTPLIB_LIBRARY cpp-httplib)
mark_as_advanced(EXPUNGE_HTTPLIB_INCLUDE EXPUNGE_HTTPLIB_LIBRARY)
if(NOT EXPUNGE_HTTPLIB_INCLUDE)
  message(FATAL_ERROR "cpp-httplib not found (Debian: libcpp-httplib-dev)")
endif()
add_library(expunge_httplib INTERFACE IMPORTED)
set_target_properties(expunge_httplib PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${EXPUNGE_HTTPLIB_INCLUDE}")
if(EXPUNGE_HTTPLIB_LIBRARY)
  set_target_properties(expunge_httplib PROPERTIES
    INTERFACE_LINK_LIBRARIES "${EXPUNGE_HTTPLIB_LIBRARY}"
    INTERFACE_COMPILE_DEFINITIONS "CPPHTTPLIB_OPENSSL_SUPPORT;CPPHTTPLIB_ZLIB_SUPPORT;CPPHTTPLIB_BROTLI_SUPPORT")
endif()
