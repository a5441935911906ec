// System calls on files, made again where a signal interrupts them, and what their errors mean.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>

namespace expunge {

/// As open(2), with O_CLOEXEC: a descriptor, or -1 and errno.
int open_retrying(const std::filesystem::path& path, int flags, mode_t mode = 0);

/// Writes all bytes: 0, or errno (ENOSPC where no more are taken).
int write_all(int file, std::string_view bytes);

/// As fsync(2): 0, or errno.
int sync_file(int file);

/// What an errno means, as strerror(3) has it, for threads too.
std::string system_message(int error);

/// Throws SystemError: "PATH: WHAT: what the errno means".
[[noreturn]] void fail_system(const std::filesystem::path& path, std::string_view what, int error);

}  // namespace expunge
