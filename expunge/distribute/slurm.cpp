#include "expunge/distribute/slurm.h"

#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/core/json_number.h"
#include "expunge/core/shell_quoted.h"
#include "expunge/distribute/program.h"
#include "expunge/distribute/status.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

fs::path script_folder(const SlurmRequest& request) {
  return request.folder / "slurm";
}

// A path in #SBATCH --output, where % begins a field.
std::string without_fields(const std::string& path) {
  std::string out;
  for (const char c : path) out += c == '%' ? std::string("%%") : std::string(1, c);
  return out;
}

// A call of the command line in a script.
std::string call(const SlurmRequest& request, const std::string& command, bool with_grid,
                 const std::string& more = "") {
  std::vector<std::string> words = {request.program.string(), command, request.config.string()};
  if (with_grid && command == "sweep") words.push_back(request.grid.string());
  words.insert(words.end(), {"--out", request.folder.string()});
  if (with_grid && command == "fill") words.insert(words.end(), {"--sweep", request.grid.string()});
  words.insert(words.end(), request.flags.begin(), request.flags.end());
  return shell_line(words) + more + (request.count_workers ? " --workers \"$workers\"" : "") + "\n";
}

std::string script_of(const SlurmRequest& request, const RunConfig& config, const SlurmJob& job,
                      const std::string& commands) {
  const bool is_array = job.tasks > 1;
  const auto log = (script_folder(request) / job.name).string();
  std::string text =
      "#!/bin/bash\n# Written by: expunge launch slurm (expunge " EXPUNGE_VERSION ")\n";
  text += fmt::format("#SBATCH --job-name={}\n", shell_quoted(config.name + "-" + job.name));
  if (is_array) text += fmt::format("#SBATCH --array=1-{}\n", job.tasks);
  text += fmt::format("#SBATCH --output={}\n",
                      shell_quoted(without_fields(log) + (is_array ? "-%A_%a.log" : "-%j.log")));
  // A task that is requeued goes on where it was, and so does its log.
  text += "#SBATCH --requeue\n#SBATCH --open-mode=append\n";
  if (!request.sbatch_options.empty())
    text += "#SBATCH " + shell_line(request.sbatch_options) + "\n";
  text += "set -e\n";
  text += "cd " + shell_quoted(request.working_folder.string()) + "\n";
  if (request.count_workers) text += "workers=${SLURM_CPUS_PER_TASK:-${SLURM_CPUS_ON_NODE:-1}}\n";
  return text + commands;
}

void require_printable(const std::string& what, const std::string& text) {
  const bool is_printable =
      std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  if (!is_printable)
    fail<OptionError>("{}: text without control characters required, got \"{}\"", what, text);
}

fs::path record_path(const fs::path& folder) {
  return folder / "slurm" / "jobs.json";
}

void write_record(const SlurmRequest& request, const std::vector<SubmittedJob>& jobs) {
  Json list = Json::array();
  for (const auto& job : jobs)
    list.push_back({{"name", job.name}, {"id", job.id}, {"tasks", job.tasks}});
  const Json json = {{"sweep", request.grid.string()}, {"jobs", list}};
  write_file_atomically(record_path(request.folder), json.dump(2) + "\n");
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

void cancel(const std::vector<SubmittedJob>& jobs) {
  if (jobs.empty()) return;
  std::vector<std::string> words = {"scancel"};
  for (const auto& job : jobs) words.push_back(job.id);
  run_program(words);
}

void refuse_if_queued(const fs::path& folder) {
  const auto before = read_slurm_record(folder);
  if (!before) return;
  std::vector<std::string> ids;
  for (const auto& queued : queued_jobs(*before)) ids.push_back(queued.job.id);
  if (ids.empty()) return;
  fail<InputError>(
      "{}: no jobs of this experiment in Slurm's queue required, got {}; wait for them, or: "
      "scancel "
      "{}",
      folder.string(), fmt::join(ids, ", "), fmt::join(ids, " "));
}

}  // namespace

void SlurmRequest::validate() const {
  require_option(tasks >= 1, "tasks", "at least 1", static_cast<double>(tasks));
  for (const auto& path : {program, config, folder, grid, working_folder})
    require_printable("path", path.string());
  for (const auto& word : sbatch_options) require_printable("option of sbatch", word);
}

std::vector<SlurmJob> plan_slurm(const SlurmRequest& request, const RunConfig& config,
                                 const SweepConfig* sweep) {
  request.validate();
  const auto status = experiment_status(request.folder, config, sweep);
  const auto is_done = [&](bool unlearned) {
    return std::all_of(status.stores.begin(), status.stores.end(), [&](const StoreStatus& s) {
      return s.store.unlearned != unlearned || s.finalised || !s.diverged.empty();
    });
  };
  const bool with_grid = sweep != nullptr;
  std::vector<SlurmJob> jobs;
  const auto add = [&](SlurmJob job, const std::string& commands) {
    job.script = script_of(request, config, job, commands);
    jobs.push_back(std::move(job));
  };
  const auto is_planned = [&](const std::string& name) {
    return std::any_of(jobs.begin(), jobs.end(), [&](const auto& job) { return job.name == name; });
  };
  const auto fill = [&](Stage stage, const std::string& more = "") {
    return call(request, "fill", with_grid, " --stage " + to_string(stage) + more);
  };
  const auto array = [&](Stage stage) {
    const int64_t tasks = std::min(request.tasks, stage_rows(config, sweep, stage));
    SlurmJob job{
        .name = to_string(stage), .tasks = tasks, .script = "", .after_any = {}, .after_ok = {}};
    if (stage == Stage::unlearn && is_planned("attribute")) job.after_ok = {"attribute"};
    add(job,
        "exec " + fill(stage, tasks > 1 ? fmt::format(" --task \"$SLURM_ARRAY_TASK_ID/{}\"", tasks)
                                        : std::string()));
  };
  if (!is_done(/*unlearned=*/false)) array(Stage::train);
  if (is_planned("train") || !is_done(/*unlearned=*/true)) {
    SlurmJob job{.name = "attribute", .tasks = 1, .script = "", .after_any = {}, .after_ok = {}};
    if (is_planned("train")) job.after_any = {"train"};
    add(job, fill(Stage::train) + fill(Stage::attribute));
    array(Stage::unlearn);
  }
  SlurmJob last{.name = "evaluate", .tasks = 1, .script = "", .after_any = {}, .after_ok = {}};
  if (is_planned("unlearn")) {
    last.after_any = {"unlearn"};
    last.after_ok = {"attribute"};
  }
  add(last, fill(Stage::unlearn) + call(request, with_grid ? "sweep" : "evaluate", with_grid));
  return jobs;
}

std::vector<std::string> sbatch_call(const SlurmRequest& request, const SlurmJob& job,
                                     const std::vector<std::pair<std::string, std::string>>& ids) {
  const auto id_of = [&](const std::string& name) {
    const auto found =
        std::find_if(ids.begin(), ids.end(), [&](const auto& id) { return id.first == name; });
    return found == ids.end() ? name : found->second;
  };
  std::vector<std::string> conditions;
  for (const auto& name : job.after_any) conditions.push_back("afterany:" + id_of(name));
  for (const auto& name : job.after_ok) conditions.push_back("afterok:" + id_of(name));
  std::vector<std::string> words = {"sbatch", "--parsable"};
  if (!conditions.empty()) {
    words.push_back(fmt::format("--dependency={}", fmt::join(conditions, ",")));
    // What waits for a job that has failed would wait for ever.
    words.emplace_back("--kill-on-invalid-dep=yes");
  }
  words.push_back((script_folder(request) / (job.name + ".sh")).string());
  return words;
}

std::vector<SubmittedJob> submit_slurm(const SlurmRequest& request,
                                       const std::vector<SlurmJob>& jobs) {
  refuse_if_queued(request.folder);
  fs::create_directories(script_folder(request));
  std::vector<SubmittedJob> submitted;
  std::vector<std::pair<std::string, std::string>> ids;
  for (const auto& job : jobs) {
    const auto words = sbatch_call(request, job, ids);
    write_file_atomically(words.back(), job.script);
    const auto result = run_program(words);
    if (result.exit_code != 0) {
      cancel(submitted);
      fail<SystemError>("sbatch refused the job {}: {}", job.name, first_line(result.error));
    }
    // "12", or "12;cluster".
    const auto id = result.output.substr(0, result.output.find_first_of(";\n"));
    submitted.push_back({job.name, id, job.tasks});
    ids.emplace_back(job.name, id);
    write_record(request, submitted);
  }
  return submitted;
}

std::optional<SlurmRecord> read_slurm_record(const fs::path& folder) {
  const auto path = record_path(folder);
  if (!fs::exists(path)) return std::nullopt;
  try {
    const auto json = Json::parse(read_file(path));
    SlurmRecord record;
    record.grid = json.at("sweep").get<std::string>();
    for (const auto& job : json.at("jobs")) {
      record.jobs.push_back({job.at("name").get<std::string>(), job.at("id").get<std::string>(),
                             whole_number(job.at("tasks"))});
    }
    return record;
  } catch (const nlohmann::json::exception&) {
    fail<InputError>("{}: the record of submitted jobs required, this is none", path.string());
  }
}

std::vector<QueuedJob> queued_jobs(const SlurmRecord& record) {
  const auto result = run_program(
      {"squeue", "--noheader", "--array", "--format=%F %T", fmt::format("--user={}", ::getuid())},
      20);
  if (result.exit_code != 0) fail<SystemError>("squeue: {}", first_line(result.error));
  std::map<std::string, std::map<std::string, int64_t>> states;
  std::istringstream lines(result.output);
  for (std::string id, state; lines >> id >> state;) ++states[id][state];
  std::vector<QueuedJob> queued;
  for (const auto& job : record.jobs) {
    const auto found = states.find(job.id);
    if (found == states.end()) continue;
    queued.push_back({job, {found->second.begin(), found->second.end()}});
  }
  return queued;
}

}  // namespace expunge
