// A certified model's file: safetensors with the options as TOML text, the account, and a checksum.

#include <ATen/ops/isfinite.h>
#include <fmt/ranges.h>

#include <charconv>
#include <cmath>

#include "expunge/convex/certified.h"
#include "expunge/core/fnv1a.h"
#include "expunge/core/safetensors.h"
#include "expunge/core/toml_file.h"

namespace expunge {
namespace {

constexpr const char* kFormat = "expunge certified model 1";

std::string hex_of(uint64_t value) {
  return fmt::format("{:016x}", value);
}

// Exactly 16 hexadecimal digits.
uint64_t from_hex(const std::string& text, const std::string& where) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (text.size() != 16 || error != std::errc() || end != text.data() + text.size())
    fail<InputError>("{}: 16 hexadecimal digits required, got {} characters", where, text.size());
  return value;
}

int64_t from_decimal(const std::string& text, const std::string& where) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0)
    fail<InputError>("{}: a whole number of at least 0 required", where);
  return value;
}

double from_text(const std::string& text, const std::string& where) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    fail<InputError>("{}: a finite number required", where);
  return value;
}

}  // namespace

std::string CertifiedModel::checksum() const {
  auto options = options_;
  const std::string account =
      fmt::format("{}|{}|{}|{}|{}", to_toml_table(options_of(options), false), seed_, table_digest_,
                  spent_, removals_);
  uint64_t digest = fnv1a(account.data(), account.size());
  digest = fnv1a(theta_.data_ptr(), theta_.nbytes(), digest);
  return hex_of(fnv1a(removed_.data_ptr(), removed_.nbytes(), digest));
}

void CertifiedModel::save(const std::filesystem::path& path) const {
  auto options = options_;
  write_safetensors(path, {{"theta", theta_}, {"removed", removed_}},
                    {{"format", kFormat},
                     {"options", to_toml_table(options_of(options), false)},
                     {"seed", hex_of(seed_)},
                     {"table", hex_of(table_digest_)},
                     {"spent", fmt::format("{}", spent_)},
                     {"removals", fmt::format("{}", removals_)},
                     {"checksum", checksum()}});
}

CertifiedModel CertifiedModel::load(const std::filesystem::path& path) {
  const auto where = path.string();
  const auto file = read_safetensors(path);
  const auto text = [&](const std::string& key) {
    const auto found = file.metadata.find(key);
    if (found == file.metadata.end())
      fail<InputError>("{}: a certified model required, got a file without \"{}\"", where, key);
    return found->second;
  };
  if (text("format") != kFormat)
    fail<InputError>("{}: format \"{}\" required, got another", where, kFormat);
  CertifiedModel model;
  try {
    for (const auto& table : parse_toml(text("options"), where)) {
      auto group = options_of(model.options_);
      if (table.name != group.name())
        fail<InputError>("{}: a table {} required among the options", where, group.name());
      apply(table, group, where);
    }
    model.options_.validate();
  } catch (const OptionError& error) {
    fail<InputError>("{}: {}", where, error.what());
  }
  model.seed_ = from_hex(text("seed"), where + ": seed");
  model.table_digest_ = from_hex(text("table"), where + ": table");
  model.spent_ = from_text(text("spent"), where + ": spent");
  model.removals_ = from_decimal(text("removals"), where + ": removals");
  for (const auto& [name, tensor] : file.tensors) {
    if (name == "theta") model.theta_ = tensor;
    if (name == "removed") model.removed_ = tensor;
  }
  if (!model.theta_.defined() || model.theta_.dim() != 2 || model.theta_.size(0) < 2 ||
      model.theta_.size(1) < 1 || model.theta_.scalar_type() != torch::kFloat64)
    fail<InputError>("{}: theta (d + 1, K) of float64 required", where);
  if (!at::isfinite(model.theta_).all().item<bool>())
    fail<NonFiniteError>("{}: finite coefficients required, got others", where);
  if (!model.removed_.defined() || model.removed_.dim() != 1 || model.removed_.size(0) < 1 ||
      model.removed_.scalar_type() != torch::kBool)
    fail<InputError>("{}: removed (n) of bool required", where);
  if (model.spent_ < 0 || model.spent_ > model.budget() * (1 + 1e-12))
    fail<InputError>("{}: spent from 0 to {} required, got {}", where, model.budget(),
                     model.spent_);
  if (text("checksum") != model.checksum())
    fail<InputError>("{}: damaged: its checksum is not that of its contents", where);
  return model;
}

}  // namespace expunge
