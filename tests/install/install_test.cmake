# Run by ctest (CMakeLists.txt beside it): cmake --install, configure, build and run the consumer.
function(run what)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "${what}: exit code ${code}\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${SCRATCH})
run("cmake --install" ${CMAKE_COMMAND} --install ${BUILD} --prefix ${SCRATCH}/prefix --config ${CONFIG})

# Nothing that is installed may point back to where it was built.
file(GLOB package ${SCRATCH}/prefix/${LIBDIR}/cmake/expunge/*.cmake)
if(NOT package)
  message(FATAL_ERROR "no CMake package in ${SCRATCH}/prefix/${LIBDIR}/cmake/expunge")
endif()
foreach(file ${package})
  file(READ ${file} text)
  string(FIND "${text}" "${BUILD}" position)
  if(NOT position EQUAL -1)
    message(FATAL_ERROR "${file} names the build folder ${BUILD}")
  endif()
endforeach()

# What a distribution expects beside the library: manual, completions, licence.
if(EXISTS ${SCRATCH}/prefix/${BINDIR}/expunge)
  foreach(pair "${MANDIR}/man1/expunge.1=.SH NAME"
               "${DATADIR}/bash-completion/completions/expunge=complete -F _expunge expunge"
               "${DATADIR}/zsh/site-functions/_expunge=#compdef expunge"
               "${DATADIR}/fish/vendor_completions.d/expunge.fish=complete -c expunge"
               "${DATADIR}/expunge/configs/quickstart.toml=name = \"quickstart\""
               "${DOCDIR}/LICENSE=Apache License")
    string(REGEX REPLACE "=.*" "" file "${pair}")
    string(REGEX REPLACE "^[^=]*=" "" required "${pair}")
    if(NOT EXISTS ${SCRATCH}/prefix/${file})
      message(FATAL_ERROR "not installed: ${file}")
    endif()
    file(READ ${SCRATCH}/prefix/${file} text)
    string(FIND "${text}" "${required}" position)
    if(position EQUAL -1)
      message(FATAL_ERROR "${file}: without ${required}")
    endif()
  endforeach()
endif()
file(GLOB places RELATIVE ${SCRATCH}/prefix ${SCRATCH}/prefix/*)
foreach(place ${places})
  if(NOT place MATCHES "^(bin|include|lib|lib64|share)$")
    message(FATAL_ERROR "installed outside of the usual folders: ${place}")
  endif()
endforeach()

# The prefix is moved before it is used: a package must be found where it is, not where it was put.
file(RENAME ${SCRATCH}/prefix ${SCRATCH}/moved)
run("configuring the consumer" ${CMAKE_COMMAND} -S ${CONSUMER} -B ${SCRATCH}/build -G ${GENERATOR}
  -DCMAKE_PREFIX_PATH=${SCRATCH}/moved -DCMAKE_BUILD_TYPE=${CONFIG} -DCMAKE_CXX_COMPILER=${COMPILER}
  "-DEXPUNGE_TORCH_DIR=${TORCH}")
run("building the consumer" ${CMAKE_COMMAND} --build ${SCRATCH}/build)

# The example in consumer/main.cpp: log 2 and 0.
run("running the consumer" ${SCRATCH}/build/consumer)
if(NOT output STREQUAL "klom 0.693147 0.000000\n")
  message(FATAL_ERROR "the consumer printed:\n${output}\nrequired:\nklom 0.693147 0.000000")
endif()

if(EXISTS ${SCRATCH}/moved/${BINDIR}/expunge)
  run("running the installed command line" ${SCRATCH}/moved/${BINDIR}/expunge --version)
  if(NOT output MATCHES "expunge ${EXPECTED_VERSION}")
    message(FATAL_ERROR "the installed expunge --version printed: ${output}")
  endif()
endif()
file(REMOVE_RECURSE ${SCRATCH})
