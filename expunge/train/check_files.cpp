#include "expunge/train/check_files.h"

#include <algorithm>
#include <set>

#include "expunge/core/error.h"
#include "expunge/core/noted_checksum.h"
#include "expunge/core/npy.h"
#include "expunge/core/worker_pool.h"
#include "expunge/train/ensemble_store.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;

// What there is to be looked at, each path once.
std::set<fs::path> files_to_check(const fs::path& folder) {
  std::set<fs::path> files;
  std::error_code error;
  const fs::recursive_directory_iterator end;
  for (fs::recursive_directory_iterator at(folder, error); !error && at != end;
       at.increment(error)) {
    const auto& path = at->path();
    const auto extension = path.extension();
    if (const auto noted = file_of_note(path); !noted.empty()) files.insert(noted);
    // That of a store is a sign: the description's check reads it.
    const bool sign =
        path.filename() == "_completed.npy" && fs::exists(path.parent_path() / "ensemble.json");
    if ((extension == ".npy" && !sign) || extension == ".safetensors" ||
        path.filename() == "ensemble.json")
      files.insert(path);
  }
  if (error) fail<SystemError>("{}: cannot be listed: {}", folder.string(), error.message());
  return files;
}

// A store as its description says that it is; false if it is not finished.
bool check_store(const fs::path& description) {
  const auto store = EnsembleStore::open(description.parent_path());
  if (!store.is_finalised()) return false;
  [[maybe_unused]] const auto there = store.completed();
  [[maybe_unused]] const auto masks = store.masks();
  [[maybe_unused]] const auto logits = store.logits();
  if (store.description().weights) {
    for (int64_t row = 0; row < store.description().models; ++row) {
      if (!fs::exists(store.weights_path(row)))
        fail<InputError>("{}: the weights of model {} required, not there",
                         store.weights_path(row).string(), row);
    }
  }
  return true;
}

FileState check_file(const fs::path& path) {
  if (!fs::exists(path))
    fail<InputError>("{}: the file whose checksum was noted required, not there", path.string());
  const bool noted = require_noted(path);
  if (path.filename() == "ensemble.json" && !check_store(path)) return FileState::unfinished;
  if (path.extension() == ".safetensors" && check_model_file(path)) return FileState::sound;
  if (path.extension() == ".npy") (void)map_npy(path);
  return noted ? FileState::sound : FileState::unchecked;
}

}  // namespace

std::vector<CheckedFile> check_files(const fs::path& folder, ProgressSink* progress) {
  const auto files = files_to_check(folder);
  std::vector<CheckedFile> checked;
  for (const auto& path : files) {
    if (interrupt_requested()) throw Interrupted("interrupted");
    CheckedFile file{.path = path.lexically_relative(folder)};
    try {
      file.state = check_file(path);
    } catch (const Error& error) {
      file.state = FileState::damaged;
      file.fault = error.what();
    }
    checked.push_back(std::move(file));
    if (progress != nullptr)
      progress->update("verify", std::ssize(checked), static_cast<int64_t>(files.size()), 0);
  }
  return checked;
}

std::string to_string(FileState state) {
  constexpr const char* names[] = {"sound", "unchecked", "unfinished", "damaged"};
  return names[static_cast<size_t>(state)];
}

}  // namespace expunge
