# cmake --install, and the package that find_package(expunge) reads.
install(TARGETS expunge EXPORT expunge_targets
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY expunge/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/expunge FILES_MATCHING PATTERN "*.h")
install(FILES README.md CHANGELOG.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(EXPORT expunge_targets NAMESPACE expunge:: FILE expunge-targets.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/expunge)
configure_package_config_file(cmake/expunge-config.cmake.in ${PROJECT_BINARY_DIR}/expunge-config.cmake
        INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/expunge)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/expunge-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/expunge-config.cmake ${PROJECT_BINARY_DIR}/expunge-config-version.cmake
              cmake/LibTorch.cmake cmake/OneDnn.cmake cmake/HttpLib.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/expunge)
