# expunge_room(NAME [USES room...] [PRIVATE lib...] [PUBLIC lib...] [READS])
#
# One folder of expunge/ as a library of its own. A room links only the rooms that it names in USES,
# all of which must stand above it, so that a dependency in the wrong direction does not build.
# READS: there are readers of files in it, which libFuzzer is to see into (EXPUNGE_FUZZ); elsewhere that would cost time.
# All rooms are then joined into the one library `expunge` (CMakeLists.txt in the root).
define_property(GLOBAL PROPERTY EXPUNGE_ROOMS BRIEF_DOCS "rooms defined so far" FULL_DOCS "top first")

function(expunge_room name)
  cmake_parse_arguments(ROOM "READS" "" "USES;PRIVATE;PUBLIC" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/expunge/${name}/*.cpp)
  if(NOT sources)
    return()
  endif()
  add_library(room_${name} STATIC ${sources})
  target_link_libraries(room_${name} PUBLIC expunge_settings expunge_torch ${ROOM_PUBLIC} PRIVATE ${ROOM_PRIVATE})
  foreach(used ${ROOM_USES})
    target_link_libraries(room_${name} PUBLIC room_${used})
  endforeach()
  target_precompile_headers(room_${name} REUSE_FROM expunge_pch)
  if(EXPUNGE_FUZZ AND ROOM_READS)
    # What -fsanitize=fuzzer-no-link stands for, less the builtins that it turns off, which a precompiled header must agree about.
    target_compile_options(room_${name} PRIVATE -fsanitize-coverage=inline-8bit-counters,indirect-calls,trace-cmp,pc-table,stack-depth)
  endif()
  set_property(GLOBAL APPEND PROPERTY EXPUNGE_ROOMS ${name})
endfunction()

# expunge_room_tests(NAME): tests/NAME/*_test.cpp as one program, NAME_test, which is one test of ctest.
# A file *_slow_test.cpp goes into NAME_slow_test with the label slow, a file *_gpu_test.cpp into
# NAME_gpu_test with the label gpu.
function(expunge_room_tests name)
  file(GLOB all CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/${name}/*_test.cpp)
  set(slow ${all})
  list(FILTER slow INCLUDE REGEX "_slow_test.cpp$")
  set(gpu ${all})
  list(FILTER gpu INCLUDE REGEX "_gpu_test.cpp$")
  list(FILTER all EXCLUDE REGEX "_(slow|gpu)_test.cpp$")
  _expunge_test_program(${name}_test ${name} unit "${all}")
  _expunge_test_program(${name}_slow_test ${name} slow "${slow}")
  _expunge_test_program(${name}_gpu_test ${name} gpu "${gpu}")
endfunction()

# With EXPUNGE_TEST_OBJECTS the tests are not compiled: their objects are those of another build tree, which another
# compiler may have made, linked with this tree's rooms.
set(EXPUNGE_TEST_OBJECTS "" CACHE PATH "Build tree of the preset test whose objects of the tests are linked; empty: they are compiled")

function(_expunge_test_program program room label sources)
  if(NOT sources)
    return()
  endif()
  if(EXPUNGE_TEST_OBJECTS)
    file(GLOB sources CONFIGURE_DEPENDS ${EXPUNGE_TEST_OBJECTS}/tests/CMakeFiles/${program}.dir/Unity/*.o)
    if(NOT sources)
      message(FATAL_ERROR "EXPUNGE_TEST_OBJECTS: objects of ${program} required, none in ${EXPUNGE_TEST_OBJECTS} (cmake --preset test && cmake --build build/test makes them)")
    endif()
  endif()
  add_executable(${program} ${sources})
  set_target_properties(${program} PROPERTIES LINKER_LANGUAGE CXX)
  target_link_libraries(${program} PRIVATE room_${room} GTest::gtest GTest::gtest_main)
  target_include_directories(${program} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  if(NOT EXPUNGE_TEST_OBJECTS)
    target_precompile_headers(${program} REUSE_FROM expunge_pch)
  endif()
  # One process for all of a program's tests: LibTorch takes up to a second to start. Its results in full: results/*.xml.
  add_test(NAME ${program}
    COMMAND ${program} --gtest_brief=1 --gtest_output=xml:${PROJECT_BINARY_DIR}/results/${program}.xml)
  set_tests_properties(${program} PROPERTIES LABELS ${label} TIMEOUT 1800)
endfunction()
