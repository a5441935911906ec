// expunge desk: deletion requests over time, with a ledger, a new version of the model for each, and certificates.

#include "desk.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "expunge/core/error.h"
#include "expunge/core/index_file.h"
#include "expunge/data/csv_table.h"
#include "expunge/desk/process.h"
#include "expunge/desk/signatures.h"
#include "expunge/desk/verify.h"
#include "expunge/pipeline/interval_json.h"
#include "expunge/report/report_words.h"
#include "expunge/report/text_table.h"
#include "usage.h"

namespace expunge::app {
namespace {

using nlohmann::ordered_json;
constexpr size_t kReceiptBytes = 16;

struct OpenFlags {
  std::string desk;
  std::string config, experiment, keys, key_column;
  desk::DeskOptions options;
  ComputeFlags compute;
  CommonFlags common;
};

void open_desk(const OpenFlags& flags) {
  flags.options.validate();
  if (flags.keys.empty() != flags.key_column.empty())
    fail<OptionError>("--keys and --key-column: both or neither required");
  auto config = read_run_config(flags.config);
  apply(flags.compute, config.compute);
  const auto folder = output_folder(flags.experiment, config);
  const auto progress = make_progress(flags.common);
  const Experiment experiment(std::move(config), folder, flags.common.workers, progress.get());
  std::vector<std::string> keys;
  if (!flags.keys.empty()) keys = read_csv_column(flags.keys, flags.key_column);
  experiment.train_store(experiment.subset_spec());
  experiment.train_store(experiment.full_spec());
  desk::make_desk(experiment, flags.options, keys, flags.desk);
  const desk::Desk made(flags.desk, desk::Desk::Access::read);
  const auto first = made.ledger().newest();
  if (flags.common.json) {
    return print_json({{"desk", flags.desk},
                       {"id", made.ledger().fact("id")},
                       {"examples", made.ledger().examples()},
                       {"model_sha256", first.model_sha256},
                       {"certificate_sha256", first.certificate_sha256}});
  }
  std::printf("%s",
              fmt::format("desk {} opened over {}\nmodel        {}\ncertificate  {}\n\nThe key "
                          "that signs is {}: keep a copy where nobody else reads it. The\n"
                          "folder {} still holds everything that the desk was made from: what is "
                          "removed here stays there.\n",
                          made.ledger().fact("id"), counted(made.ledger().examples(), "example"),
                          first.model_sha256, first.certificate_sha256,
                          made.folder().signing_key().string(), folder.string())
                  .c_str());
}

struct RequestFlags {
  std::string desk;
  std::vector<int64_t> ids;
  std::string file, key, receipt;
  CommonFlags common;
};

bool is_receipt(const std::string& text) {
  return text.size() >= 8 && text.size() <= 64 &&
         text.find_first_not_of(
             "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_") ==
             std::string::npos;
}

void ask(const RequestFlags& flags) {
  const int ways =
      (flags.ids.empty() ? 0 : 1) + (flags.file.empty() ? 0 : 1) + (flags.key.empty() ? 0 : 1);
  if (ways != 1) fail<OptionError>("one of --ids, --file and --key required, got {}", ways);
  if (!flags.receipt.empty() && !is_receipt(flags.receipt))
    fail<OptionError>("option receipt: 8 to 64 letters, digits, - and _ required");
  desk::Desk desk(flags.desk);
  auto examples = flags.ids;
  if (!flags.file.empty())
    read_indices(flags.file, [&](int64_t index, const std::string&) { examples.push_back(index); });
  if (!flags.key.empty()) examples = desk.ledger().examples_of_key(flags.key);
  const auto receipt = flags.receipt.empty() ? desk::random_hex(kReceiptBytes) : flags.receipt;
  const auto made = desk.ledger().ask(examples, !flags.key.empty(), receipt);
  if (flags.common.json) return print_json(desk::request_json(made));
  std::printf("request %lld: %s, %s\nreceipt %s\n", static_cast<long long>(made.id),
              counted(std::ssize(made.examples), "example").c_str(), desk::name_of(made.state),
              made.receipt.c_str());
}

struct WithdrawFlags {
  std::string desk;
  int64_t request = 0;
  CommonFlags common;
};

void withdraw(const WithdrawFlags& flags) {
  desk::Desk desk(flags.desk);
  desk.ledger().withdraw(flags.request);
  if (flags.common.json)
    return print_json(desk::request_json(desk.ledger().request(flags.request)));
  std::printf("request %lld: withdrawn\n", static_cast<long long>(flags.request));
}

struct ProcessFlags {
  std::string desk;
  int64_t count = 0;
  desk::ProcessOptions options;
  CommonFlags common;
};

std::string processed_line(const desk::ProcessedRequest& done) {
  if (!done.version)
    return fmt::format("request {}: all of its examples had been removed before\n", done.request);
  const auto interval = [](const ForecastInterval& i) {
    return fmt::format("{:.2f} ({:.2f} to {:.2f})", i.median, i.low, i.high);
  };
  return fmt::format(
      "request {}: {} removed in version {}; predicted KLoM on these {}, retained {}, validation "
      "{}; {:.0f}% of "
      "the budget\n",
      done.request, counted(done.removed, "example"), *done.version, interval(done.forecast.forget),
      interval(done.forecast.retain), interval(done.forecast.validation),
      100 * done.budget.level / done.budget.budget);
}

ordered_json processed_json(const desk::ProcessedRequest& done) {
  ordered_json json = {{"request", done.request}, {"removed", done.removed}};
  if (!done.version) return json;
  json["version"] = *done.version;
  json["predicted_klom"] = {{"removed_now", interval_json(done.forecast.forget)},
                            {"retained", interval_json(done.forecast.retain)},
                            {"validation", interval_json(done.forecast.validation)}};
  json["warnings"] = done.forecast.warnings;
  json["sample_gradients"] = done.work.sample_gradients;
  json["level"] = done.budget.level;
  return json;
}

void process(ProcessFlags& flags) {
  desk::Desk desk(flags.desk);
  flags.options.workers = flags.common.workers;
  auto all = ordered_json::array();
  int64_t done = 0;
  while (flags.count == 0 || done < flags.count) {
    const auto processed = process_next(desk, flags.options);
    if (!processed) break;
    ++done;
    for (const auto& warning : processed->forecast.warnings)
      warn(fmt::format("request {}: {}", processed->request, warning));
    if (flags.common.json) {
      all.push_back(processed_json(*processed));
    } else {
      // Told at once: the next one may be refused.
      std::fputs(processed_line(*processed).c_str(), stdout);
      std::fflush(stdout);
    }
  }
  if (flags.common.json) return print_json({{"processed", all}});
  if (done == 0) std::printf("nothing to process\n");
}

struct FolderFlags {
  std::string desk;
  std::string out, public_key, part;
  bool wait = false;
  CommonFlags common;
};

void show_status(const FolderFlags& flags) {
  const desk::Desk desk(flags.desk, desk::Desk::Access::read);
  if (flags.common.json) return print_json(status_json(desk));
  std::printf("%s", status_text(desk).c_str());
}

void verify(const FolderFlags& flags) {
  const auto result = desk::verify_folder(flags.desk, flags.public_key);
  if (!result.faults.empty()) {
    if (flags.common.json) print_json({{"sound", false}, {"faults", result.faults}});
    for (size_t k = 1; k < result.faults.size(); ++k) complain(result.faults[k]);
    fail<InputError>("{}", result.faults.front());
  }
  if (flags.common.json) {
    return print_json({{"sound", true},
                       {"certificates", result.versions},
                       {"models", result.models},
                       {"ledger", result.with_ledger},
                       {"public_key_sha256", result.public_key_sha256},
                       {"newest_certificate_sha256", result.newest_certificate}});
  }
  std::printf("%s",
              fmt::format("sound: {} in a chain, {} as certified{}\npublic key          "
                          "{}{}\nnewest certificate  {}\n",
                          counted(result.versions, "certificate"), counted(result.models, "model"),
                          result.with_ledger ? ", ledger and erased data agree" : "",
                          result.public_key_sha256,
                          flags.public_key.empty()
                              ? " (the folder's own: --public-key takes one that you trust)"
                              : "",
                          result.newest_certificate)
                  .c_str());
}

void export_all(const FolderFlags& flags) {
  const desk::Desk desk(flags.desk, desk::Desk::Access::read);
  desk::export_desk(desk, flags.out);
  if (flags.common.json) return print_json({{"folder", flags.out}});
  std::printf("newest model, certificates and public key -> %s\n", flags.out.c_str());
}

void erase(const FolderFlags& flags) {
  const auto part = flags.part == "original" ? desk::Part::original
                    : flags.part == "older"  ? desk::Part::older
                                             : desk::Part::evidence;
  desk::Desk desk(flags.desk);
  erase_part(desk, part, flags.wait);
  const auto words = words_of(part);
  if (flags.common.json) return print_json({{"erased", flags.part}, {"what", words.what}});
  std::printf("erased for good. %s\n%s\n", words.what.c_str(), words.without.c_str());
}

// A command of `desk` that takes the desk's folder.
template <class Flags, class Action>
CLI::App* add_desk_command(CLI::App& parent, const char* name, const char* help,
                           const std::shared_ptr<Flags>& flags, Action action, bool with_workers) {
  auto* command = parent.add_subcommand(name, help);
  command->add_option("desk", flags->desk, "Folder of the desk")->required();
  add_common_flags(*command, flags->common, with_workers);
  command->callback([flags, action] { action(*flags); });
  return command;
}

void register_desk_init(CLI::App& parent) {
  const auto flags = std::make_shared<OpenFlags>();
  auto* command = add_desk_command(parent, "init",
                                   "Open a desk over an experiment's subset and full models, which "
                                   "are trained first where they are missing",
                                   flags, open_desk, true);
  command->add_option("--config", flags->config, "Configuration file of the experiment (TOML)")
      ->required();
  command->add_option("--experiment", flags->experiment, "Folder of the experiment [runs/<name>]");
  command->add_option(
      "--keys", flags->keys,
      "Table (CSV with a header) of the training examples, one a line in their order");
  command->add_option("--key-column", flags->key_column,
                      "Its column with the user that each example belongs to");
  add_option_flags(*command, options_of(flags->options));
  add_compute_flags(*command, flags->compute);
}

void register_desk_request(CLI::App& parent) {
  const auto flags = std::make_shared<RequestFlags>();
  auto* command =
      add_desk_command(parent, "request", "Record a request to delete examples", flags, ask, false);
  command->add_option("--ids", flags->ids, "Training examples by index, apart by commas")
      ->delimiter(',')
      ->allow_extra_args(false);
  command->add_option("--file", flags->file, "Text file with one index a line");
  command->add_option("--key", flags->key, "All examples of a user, by the key that init was told");
  command->add_option(
      "--receipt", flags->receipt,
      "What the asker shows later; asking again with it is the same request [drawn at random]");
}

void register_desk_withdraw(CLI::App& parent) {
  const auto flags = std::make_shared<WithdrawFlags>();
  auto* command = add_desk_command(
      parent, "withdraw", "Withdraw a request that is not processed yet", flags, withdraw, false);
  command->add_option("request", flags->request, "Its number")->required()->check(check_count);
}

void register_desk_process(CLI::App& parent) {
  const auto flags = std::make_shared<ProcessFlags>();
  auto* command = add_desk_command(parent, "process",
                                   "Process pending requests, oldest first: a new version of the "
                                   "model, and a certificate, for each",
                                   flags, process, true);
  command->add_option("--count", flags->count, "At most so many; 0 for all [0]")
      ->check(check_count);
  command->add_flag(
      "--past-limit", flags->options.past_limit,
      "Go on where the predicted error is past the hard limit; the certificate says so");
  command->add_flag("--wait", flags->options.wait,
                    "Wait for another process that is at work on the desk");
}

void register_folder_commands(CLI::App& parent) {
  const auto add = [&](const char* name, const char* help, auto action) {
    const auto flags = std::make_shared<FolderFlags>();
    return std::pair(add_desk_command(parent, name, help, flags, action, false), flags);
  };
  add("status", "Show requests, versions, and how far along the budget is", show_status);
  const auto [verifying, verify_flags] = add("verify",
                                             "Check signatures, the chain of certificates, models, "
                                             "ledger and erased data, of a desk or an export",
                                             verify);
  verifying->add_option("--public-key", verify_flags->public_key,
                        "PEM file that is trusted [the folder's own]");
  const auto [exporting, export_flags] =
      add("export", "Copy the newest model, all certificates and the public key, for others",
          export_all);
  exporting->add_option("--out", export_flags->out, "New folder for them")->required();
  const auto [erasing, erase_flags] =
      add("erase",
          "Erase for good what still carries deleted examples: original, older or evidence", erase);
  erasing
      ->add_option(
          "part", erase_flags->part,
          "original: version 0 of the model; older: all versions but the newest; evidence: what "
          "removals are predicted from, after which nothing more can be processed")
      ->required()
      ->check(CLI::IsMember({"original", "older", "evidence"}));
  erasing->add_flag("--wait", erase_flags->wait,
                    "Wait for another process that is at work on the desk");
}

}  // namespace

void register_desk(CLI::App& app) {
  auto* command = app.add_subcommand(
      "desk",
      "Deletion requests over time: a ledger, a new version of the model for each, certificates");
  command->require_subcommand(1);
  register_desk_init(*command);
  register_desk_request(*command);
  register_desk_withdraw(*command);
  register_desk_process(*command);
  register_folder_commands(*command);
  register_desk_serve(*command);
  register_desk_rehearse(*command);
}

}  // namespace expunge::app
