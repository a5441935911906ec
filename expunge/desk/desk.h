// A desk that is open: its folder, options and ledger.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "expunge/desk/desk_folder.h"
#include "expunge/desk/desk_options.h"
#include "expunge/desk/ledger.h"
#include "expunge/pipeline/experiment.h"

namespace expunge::desk {

class Desk {
 public:
  enum class Access { read, write };
  /// InputError if the folder holds no desk.
  explicit Desk(const std::filesystem::path& folder, Access access = Access::write);

  [[nodiscard]] const DeskFolder& folder() const { return folder_; }
  [[nodiscard]] const DeskOptions& options() const { return options_; }
  /// Of the experiment that the desk was made from.
  [[nodiscard]] const RunConfig& config() const { return config_; }
  [[nodiscard]] Ledger& ledger() { return ledger_; }
  [[nodiscard]] const Ledger& ledger() const { return ledger_; }

 private:
  DeskFolder folder_;
  DeskOptions options_;
  RunConfig config_;
  Ledger ledger_;
};

/// Makes a desk in `folder` from an experiment's subset and full models, with the signed certificate of version 0.
/// keys: (n) users' keys, or empty. An init that was interrupted goes on by another one; where a desk is finished,
/// InputError. Throws as fit_evidence() does.
void make_desk(const Experiment& experiment, const DeskOptions& options,
               const std::vector<std::string>& keys, const std::filesystem::path& folder);

/// What may be erased for good, by request:
///   original  the weights of version 0
///   older     the weights of every version but the newest
///   evidence  all that removals are predicted from; nothing is processed afterwards
enum class Part { original, older, evidence };
/// What is lost with it, and what is no longer possible, in a sentence each.
struct PartWords {
  std::string what, without;
};
PartWords words_of(Part part);
/// Erases it, and says so in the ledger. Holds the desk's lock. Doing it again does no harm.
void erase_part(Desk& desk, Part part, bool wait);
/// When a part was erased, as seen by version `version`; none if it is there.
std::optional<std::string> erased_since(const Desk& desk, Part part, int64_t version);

/// How far along a desk's budget is.
struct Budget {
  double level = 0;  // predicted error, nats
  double budget = 0, hard_limit = 0;
};
/// The largest that was predicted for the examples of any version, or for the rest by the newest one: `next`, where it
/// is about to be.
Budget budget_of(const Desk& desk, const std::optional<Version>& next = {});
/// What to do about it, in a sentence or two.
std::string recommendation(const Desk& desk, const Budget& budget);

/// Copies what others may have to `folder`, which must not be there: the newest model, every certificate with its
/// signature and page, and the public key. Neither data nor keys of users, nor the ledger.
void export_desk(const Desk& desk, const std::filesystem::path& folder);

}  // namespace expunge::desk
