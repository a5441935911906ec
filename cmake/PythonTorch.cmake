# Chooses the Python that the package is built for, and sets EXPUNGE_WITH_PYTHON: the package uses the LibTorch of that
# Python's torch, and no other.
#
# EXPUNGE_PYTHON  AUTO (default): where a Python is found whose torch is the LibTorch that is built against, with the
#                 headers of Python and pybind11; ON: demand it; OFF
#
# Built by pip (scikit-build-core), the Python is the one that pip runs in. Its torch is looked for outside pip's own
# build environment, which has none: without EXPUNGE_TORCH_DIR it decides the LibTorch.
set(EXPUNGE_PYTHON AUTO CACHE STRING "The Python package: AUTO, ON or OFF")
set_property(CACHE EXPUNGE_PYTHON PROPERTY STRINGS AUTO ON OFF)
set(EXPUNGE_WITH_PYTHON OFF)
if(EXPUNGE_PYTHON STREQUAL "OFF")
  return()
endif()

# The folder of an interpreter's torch, empty if it has none. -E: not the modules of pip's build environment alone.
function(_expunge_torch_of interpreter result)
  execute_process(COMMAND ${interpreter} -E -c
    "import importlib.util as u; s = u.find_spec('torch'); print(s.submodule_search_locations[0] if s else '')"
    OUTPUT_VARIABLE folder OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  set(${result} "${folder}" PARENT_SCOPE)
endfunction()

if(SKBUILD)
  set(_pythons ${Python_EXECUTABLE})
else()
  find_program(EXPUNGE_PYTHON_EXECUTABLE python3)
  mark_as_advanced(EXPUNGE_PYTHON_EXECUTABLE)
  set(_pythons ${EXPUNGE_PYTHON_EXECUTABLE} /usr/bin/python3)
endif()
set(_python_missing "no Python with torch was found")
foreach(_python ${_pythons})
  _expunge_torch_of(${_python} _torch)
  if(NOT _torch)
    continue()
  endif()
  # A distribution's torch links its libraries from where they belong; a wheel carries them.
  if(EXISTS "${_torch}/lib/libtorch_cpu.so" AND NOT IS_SYMLINK "${_torch}/lib/libtorch_cpu.so")
    set(_its_libtorch "${_torch}")
  else()
    set(_its_libtorch "")
  endif()
  if(SKBUILD AND NOT EXPUNGE_TORCH_DIR)
    set(EXPUNGE_TORCH_DIR "${_its_libtorch}" CACHE PATH "" FORCE)
  endif()
  if(EXPUNGE_TORCH_DIR)
    get_filename_component(_wanted "${EXPUNGE_TORCH_DIR}" REALPATH)
    get_filename_component(_its_libtorch "${_its_libtorch}" REALPATH)
  else()
    set(_wanted "")
  endif()
  if(NOT _wanted STREQUAL _its_libtorch)
    set(_python_missing "the torch of ${_python} is another one than the LibTorch that is built against")
    continue()
  endif()
  set(Python_EXECUTABLE ${_python})
  find_package(Python 3.9 COMPONENTS Interpreter Development.Module)
  find_path(EXPUNGE_PYBIND11_INCLUDE pybind11/pybind11.h HINTS "${_torch}/include")
  mark_as_advanced(EXPUNGE_PYBIND11_INCLUDE)
  if(Python_Development.Module_FOUND AND EXPUNGE_PYBIND11_INCLUDE)
    set(EXPUNGE_WITH_PYTHON ON)
    break()
  endif()
  set(_python_missing "${_python} has torch, but the headers of Python (Debian: python3-dev) or pybind11 (pybind11-dev) are missing")
endforeach()
if(EXPUNGE_WITH_PYTHON)
  execute_process(COMMAND ${Python_EXECUTABLE} -E -c "import runpy; print(runpy.run_path('${_torch}/version.py')['__version__'])"
    OUTPUT_VARIABLE EXPUNGE_TORCH_VERSION OUTPUT_STRIP_TRAILING_WHITESPACE)
  message(STATUS "Python package: for ${Python_EXECUTABLE}, torch in ${_torch}")
elseif(EXPUNGE_PYTHON STREQUAL "ON")
  message(FATAL_ERROR
    "Python package: ${_python_missing}. It is built against the torch of the Python that it is for: install torch there "
    "first. Where that Python cannot be asked (an isolated build that is no virtual environment of it), name the folder: "
    "-DEXPUNGE_TORCH_DIR=$(python3 -c 'import torch; print(torch.__path__[0])')")
else()
  message(STATUS "No Python package: ${_python_missing}")
endif()
