// The jobs that an experiment needs, as bash and a stand-in for sbatch read them. With a real Slurm:
// tests/cli/slurm_test.py.
#include "expunge/distribute/slurm.h"

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/distribute/program.h"
#include "message_of.h"
#include "pipeline/tiny_experiment.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;
using Strings = std::vector<std::string>;

class Slurm : public TinyExperiment {
 protected:
  Slurm() : path_before_(std::getenv("PATH")) {}
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody else is here
  ~Slurm() override { ::setenv("PATH", path_before_.c_str(), 1); }

  // Programs of Slurm's names that note their arguments, one call a line, in calls.txt.
  void stand_in(const std::string& name, const std::string& body) {
    const auto path = folder_ / "bin" / name;
    put_file(path, "#!/bin/sh\necho \"" + name + " $*\" >> '" + (folder_ / "calls.txt").string() +
                       "'\n" + body);
    fs::permissions(path, fs::perms::owner_all);
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody else is here
    ::setenv("PATH", ((folder_ / "bin").string() + ":" + path_before_).c_str(), 1);
  }
  [[nodiscard]] std::string calls() const {
    return fs::exists(folder_ / "calls.txt") ? read_file(folder_ / "calls.txt") : "";
  }
  SlurmRequest request() {
    SlurmRequest request;
    request.program = "/opt/bin/expunge";
    request.config = folder_ / "config.toml";
    request.folder = folder_ / "out";
    request.working_folder = folder_.path();
    request.tasks = 6;
    return request;
  }
  static const SlurmJob& job(const std::vector<SlurmJob>& jobs, const std::string& name) {
    for (const auto& job : jobs) {
      if (job.name == name) return job;
    }
    throw std::runtime_error(name);
  }
  static Strings names(const std::vector<SlurmJob>& jobs) {
    Strings names;
    for (const auto& job : jobs) names.push_back(job.name);
    return names;
  }
  // The script run by bash with the command line replaced by a program that prints its arguments, one
  // a line, as task `task`.
  std::string commands_of(SlurmRequest request, const std::string& name, const std::string& task) {
    const auto printer = folder_ / "it's printing";
    put_file(printer, "#!/bin/sh\nprintf '<%s>' \"$@\"\necho\n");
    fs::permissions(printer, fs::perms::owner_all);
    request.program = printer;
    const auto jobs = plan_slurm(request, read_run_config(folder_ / "config.toml"), nullptr);
    put_file(folder_ / "job.sh", job(jobs, name).script);
    const auto result = run_program({"env", "SLURM_ARRAY_TASK_ID=" + task, "SLURM_CPUS_ON_NODE=3",
                                     "bash", (folder_ / "job.sh").string()});
    EXPECT_EQ(result.exit_code, 0) << result.error;
    return result.output;
  }
  std::string path_before_;
};

TEST_F(Slurm, StagesAreArraysAndWhatFinishesThem) {
  const auto tiny = experiment();
  const auto jobs = plan_slurm(request(), tiny.config(), nullptr);
  EXPECT_EQ(names(jobs), (Strings{"train", "attribute", "unlearn", "evaluate"}));
  EXPECT_EQ(job(jobs, "train").tasks, 6);
  EXPECT_EQ(job(jobs, "unlearn").tasks, 6);
  EXPECT_EQ(job(jobs, "attribute").after_any, Strings{"train"});
  EXPECT_EQ(job(jobs, "unlearn").after_ok, Strings{"attribute"});
  EXPECT_EQ(job(jobs, "evaluate").after_any, Strings{"unlearn"});
  EXPECT_EQ(job(jobs, "evaluate").after_ok, Strings{"attribute"});
}

TEST_F(Slurm, ScriptsSayWhatBashAndSbatchUnderstand) {
  const auto tiny = experiment();
  auto asked = request();
  asked.sbatch_options = {"--time=2:00:00", "-p", "long queue"};
  const auto script = job(plan_slurm(asked, tiny.config(), nullptr), "train").script;
  const auto log = (folder_ / "out" / "slurm" / "train").string();
  EXPECT_NE(
      script.find("#SBATCH --job-name=tiny-train\n#SBATCH --array=1-6\n#SBATCH --output=" + log +
                  "-%A_%a.log\n#SBATCH --requeue\n#SBATCH --open-mode=append\n"
                  "#SBATCH --time=2:00:00 -p 'long queue'\n"),
      std::string::npos)
      << script;
  EXPECT_EQ(script.find("#!/bin/bash\n"), 0U);
  const auto config = (folder_ / "config.toml").string();
  const auto out = (folder_ / "out").string();
  EXPECT_EQ(commands_of(asked, "train", "4"), "<fill><" + config + "><--out><" + out +
                                                  "><--stage><train><--task><4/6><--workers><3>\n");
  EXPECT_EQ(commands_of(asked, "attribute", ""),
            "<fill><" + config + "><--out><" + out + "><--stage><train><--workers><3>\n<fill><" +
                config + "><--out><" + out + "><--stage><attribute><--workers><3>\n");
  EXPECT_EQ(commands_of(asked, "evaluate", ""),
            "<fill><" + config + "><--out><" + out +
                "><--stage><unlearn><--workers><3>\n<evaluate><" + config + "><--out><" + out +
                "><--workers><3>\n");
}

TEST_F(Slurm, ADevicesModelsAtOnceAreNotItsProcessors) {
  const auto tiny = experiment();
  auto asked = request();
  asked.count_workers = false;
  asked.flags = {"--device", "cuda"};
  const auto commands = commands_of(asked, "train", "1");
  EXPECT_NE(commands.find("<--device><cuda>"), std::string::npos);
  EXPECT_EQ(commands.find("--workers"), std::string::npos);
}

TEST_F(Slurm, ASweepsJobsFillItsStores) {
  const auto tiny = experiment();
  put_file(folder_ / "grid.toml",
           "[[method]]\nname = \"GA\"\nkind = \"gradient_ascent\"\nlearning_rate = [1e-4, 1e-3]\n");
  const auto sweep = read_sweep_config(folder_ / "grid.toml");
  auto asked = request();
  asked.grid = folder_ / "grid.toml";
  asked.tasks = 1000;
  const auto jobs = plan_slurm(asked, tiny.config(), &sweep);
  EXPECT_EQ(job(jobs, "train").tasks, 10 + 8 + 2 * 12);  // never more tasks than models
  EXPECT_EQ(job(jobs, "unlearn").tasks, 2 * 2 * 8);
  const auto grid = asked.grid.string();
  EXPECT_NE(job(jobs, "unlearn").script.find(" --sweep " + grid + " --stage unlearn"),
            std::string::npos);
  EXPECT_NE(job(jobs, "evaluate")
                .script.find("expunge sweep " + asked.config.string() + " " + grid + " --out "),
            std::string::npos);
}

TEST_F(Slurm, OneTaskIsNoArray) {
  const auto tiny = experiment();
  auto asked = request();
  asked.tasks = 1;
  const auto script = job(plan_slurm(asked, tiny.config(), nullptr), "train").script;
  EXPECT_EQ(script.find("--array"), std::string::npos);
  EXPECT_EQ(script.find("--task"), std::string::npos);
}

TEST_F(Slurm, WhatIsCompleteIsNotRunAgain) {
  const auto tiny = experiment();
  tiny.train();
  EXPECT_EQ(names(plan_slurm(request(), tiny.config(), nullptr)),
            (Strings{"attribute", "unlearn", "evaluate"}));
  tiny.attribute();
  tiny.unlearn();
  const auto last = plan_slurm(request(), tiny.config(), nullptr);
  EXPECT_EQ(names(last), Strings{"evaluate"});
  EXPECT_TRUE(last[0].after_any.empty());
  EXPECT_TRUE(last[0].after_ok.empty());
}

TEST_F(Slurm, JobsAreSubmittedInOrderEachAfterTheOnesBefore) {
  stand_in("sbatch", "wc -l < '" + (folder_ / "calls.txt").string() + "' | sed 's/$/;lab/'\n");
  const auto tiny = experiment();
  const auto jobs = plan_slurm(request(), tiny.config(), nullptr);
  const auto submitted = submit_slurm(request(), jobs);
  const auto script = [&](const std::string& name) {
    return (folder_ / "out" / "slurm" / (name + ".sh")).string();
  };
  const std::string kill = " --kill-on-invalid-dep=yes ";
  EXPECT_EQ(calls(),
            "sbatch --parsable " + script("train") + "\nsbatch --parsable --dependency=afterany:1" +
                kill + script("attribute") + "\nsbatch --parsable --dependency=afterok:2" + kill +
                script("unlearn") + "\nsbatch --parsable --dependency=afterany:3,afterok:2" + kill +
                script("evaluate") + "\n");
  ASSERT_EQ(submitted.size(), 4U);
  EXPECT_EQ(submitted[3].id, "4");
  EXPECT_EQ(read_file(script("train")), jobs[0].script);
  const auto record = read_slurm_record(folder_ / "out");
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->jobs.size(), 4U);
  EXPECT_EQ(record->jobs[1].name, "attribute");
  EXPECT_EQ(record->jobs[1].id, "2");

  // While one of them is in the queue, no more.
  stand_in("squeue", "echo '7 RUNNING\n2 RUNNING\n3 PENDING\n3 PENDING'\n");
  EXPECT_NE(message_of<InputError>([&] { submit_slurm(request(), jobs); })
                .find("no jobs of this experiment in Slurm's queue required, got 2, 3; wait for "
                      "them, or: scancel 2 3"),
            std::string::npos);
  const auto queued = queued_jobs(*record);
  ASSERT_EQ(queued.size(), 2U);
  EXPECT_EQ(queued[1].job.name, "unlearn");
  EXPECT_EQ(queued[1].states, (std::vector<std::pair<std::string, int64_t>>{{"PENDING", 2}}));
  stand_in("squeue", "");
  EXPECT_EQ(submit_slurm(request(), jobs).size(), 4U);
}

TEST_F(Slurm, WhereSbatchRefusesNothingStaysInTheQueue) {
  const auto tiny = experiment();
  const auto jobs = plan_slurm(request(), tiny.config(), nullptr);
  stand_in("sbatch",
           "case \"$*\" in *unlearn.sh) echo 'sbatch: error: Invalid account' >&2; exit 1;; esac\n"
           "echo 1$(grep -c . '" +
               (folder_ / "calls.txt").string() + "')\n");
  stand_in("scancel", "");
  EXPECT_EQ(message_of<SystemError>([&] { submit_slurm(request(), jobs); }),
            "sbatch refused the job unlearn: sbatch: error: Invalid account");
  EXPECT_NE(calls().find("\nscancel 11 12\n"), std::string::npos) << calls();
}

TEST_F(Slurm, WhatNoScriptCanHoldIsRefused) {
  const auto tiny = experiment();
  auto asked = request();
  asked.sbatch_options = {"--comment=a\n#SBATCH --uid=root"};
  EXPECT_THROW(plan_slurm(asked, tiny.config(), nullptr), OptionError);
  asked = request();
  asked.tasks = 0;
  EXPECT_EQ(message_of<OptionError>([&] { plan_slurm(asked, tiny.config(), nullptr); }),
            "option tasks: at least 1 required, got 0");
}

TEST_F(Slurm, ADamagedRecordIsNamed) {
  EXPECT_FALSE(read_slurm_record(folder_ / "out").has_value());
  for (const char* text : {"", "{}", "[]", R"({"sweep": "", "jobs": [{"name": 3}]})"}) {
    put_file(folder_ / "out" / "slurm" / "jobs.json", text);
    EXPECT_NE(message_of<InputError>([&] {
                (void)read_slurm_record(folder_ / "out");
              }).find("jobs.json: the record of submitted jobs required"),
              std::string::npos)
        << text;
  }
}

}  // namespace
}  // namespace expunge
