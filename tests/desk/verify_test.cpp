#include "expunge/desk/verify.h"

#include "desk/tiny_desk.h"
#include "expunge/desk/certificate.h"

namespace expunge::desk {
namespace {

class VerifyTest : public TinyDesk {
 protected:
  VerifyTest() : desk_(make("desk")), exported_(folder_ / "exported") {
    Desk desk(desk_);
    ask(desk, {3, 17}, "receipt-1");
    ask(desk, {20}, "receipt-2");
    while (process_next(desk, quietly())) {
    }
    export_desk(desk, exported_);
  }
  static std::vector<std::string> faults(const std::filesystem::path& folder) {
    return verify_folder(folder).faults;
  }
  /// Faults while one byte of the file is another one.
  static std::vector<std::string> faults_with_change(const std::filesystem::path& folder,
                                                     const std::filesystem::path& file, size_t at) {
    const auto whole = read_file(file);
    auto changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    put_file(file, changed);
    const auto found = faults(folder);
    put_file(file, whole);
    return found;
  }

  std::filesystem::path desk_, exported_;
};

TEST_F(VerifyTest, ASoundDeskAndItsExport) {
  const auto desk = verify_folder(desk_);
  EXPECT_TRUE(desk.faults.empty()) << fmt::format("{}", fmt::join(desk.faults, "; "));
  EXPECT_EQ(desk.versions, 3);
  EXPECT_EQ(desk.models, 3);
  EXPECT_TRUE(desk.with_ledger);
  const auto exported = verify_folder(exported_, desk_ / "public.pem");
  EXPECT_TRUE(exported.faults.empty());
  EXPECT_EQ(exported.versions, 3);
  EXPECT_EQ(exported.models, 1);
  EXPECT_FALSE(exported.with_ledger);
  EXPECT_EQ(exported.newest_certificate, desk.newest_certificate);
}

TEST_F(VerifyTest, AnExportHasNeitherDataNorSecrets) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(exported_)) {
    if (!entry.is_regular_file()) continue;
    EXPECT_EQ(read_file(entry.path()).find("PRIVATE"), std::string::npos) << entry.path();
    EXPECT_EQ(read_file(entry.path()).find("receipt-1"), std::string::npos) << entry.path();
    EXPECT_NE(entry.path().extension(), ".npy");
    EXPECT_NE(entry.path().extension(), ".sqlite");
  }
  EXPECT_SAYS(message_of<InputError>([&] { export_desk(Desk(desk_), exported_); }), "a new folder");
}

TEST_F(VerifyTest, EveryChangedByteFails) {
  const DeskFolder folder(exported_);
  for (const auto& file :
       {folder.certificate(1), folder.page(2), folder.signature(0), folder.page_signature(1)}) {
    const auto size = read_file(file).size();
    for (size_t at = 0; at < size; at += std::max<size_t>(1, size / 64))
      EXPECT_FALSE(faults_with_change(exported_, file, at).empty()) << file << " at " << at;
  }
  const auto model = read_file(folder.model(2)).size();
  for (const size_t at : {size_t{0}, model / 2, model - 1})
    EXPECT_FALSE(faults_with_change(exported_, folder.model(2), at).empty()) << at;
  EXPECT_TRUE(faults(exported_).empty());
}

TEST_F(VerifyTest, AnotherKeyIsNotTrusted) {
  put_file(folder_ / "other.pem", SigningKey::generate().public_pem());
  EXPECT_FALSE(verify_folder(exported_, folder_ / "other.pem").faults.empty());
}

TEST_F(VerifyTest, ACertificateThatWasTakenOutIsMissed) {
  std::filesystem::remove_all(DeskFolder(exported_).version(1));
  EXPECT_FALSE(faults(exported_).empty());
}

TEST_F(VerifyTest, ASignedCertificateInAnothersPlaceIsSeen) {
  const DeskFolder folder(exported_);
  for (const auto& [from, to] : {std::pair(folder.certificate(1), folder.certificate(2)),
                                 {folder.signature(1), folder.signature(2)},
                                 {folder.page(1), folder.page(2)},
                                 {folder.page_signature(1), folder.page_signature(2)}}) {
    std::filesystem::copy_file(from, to, std::filesystem::copy_options::overwrite_existing);
  }
  EXPECT_FALSE(faults(exported_).empty());
}

TEST_F(VerifyTest, AVersionThatTheLedgerDoesNotKnowOrThatIsMissing) {
  const DeskFolder folder(desk_);
  std::filesystem::remove(folder.certificate(2));
  EXPECT_FALSE(faults(desk_).empty());
}

TEST_F(VerifyTest, DataThatCameBackAreSeen) {
  std::filesystem::copy_file(folder_ / "data/train_images.npy", desk_ / "data/train_images.npy",
                             std::filesystem::copy_options::overwrite_existing);
  const auto found = faults(desk_);
  ASSERT_FALSE(found.empty());
  EXPECT_SAYS(found.front(), "are still there");
}

TEST_F(VerifyTest, AFolderWithoutCertificatesIsRefused) {
  EXPECT_SAYS(message_of<InputError>([&] { verify_folder(folder_ / "nowhere"); }),
              "no certificate of version 0");
}

TEST_F(VerifyTest, CertificatesThatAreNoneAreRefused) {
  for (const std::string text :
       {"", "{", "[]", "{\"format\": \"expunge certificate 1\"}", "{\"format\": 3}", "null"}) {
    EXPECT_THROW(links_of(text, "certificate"), InputError) << text;
    EXPECT_THROW(render_certificate(text, "certificate"), InputError) << text;
  }
}

TEST_F(VerifyTest, NumbersOfCertificatesThatAreNoneAreRefused) {
  EXPECT_SAYS(message_of<InputError>([&] { links_of(R"({"format": "a\nb"})", "certificate"); }),
              "got \"a?b\"");
  const auto good = read_file(DeskFolder(desk_).certificate(1));
  const auto changed = [&](const Json::json_pointer& place, const Json& value) {
    auto json = Json::parse(good);
    json[place] = value;
    return json.dump();
  };
  EXPECT_THROW(links_of(changed(Json::json_pointer("/version"), 1e30), "certificate"), InputError);
  const std::pair<const char*, Json> counts[] = {
      {"/remaining", std::numeric_limits<int64_t>::max()},
      {"/removed_in_all", -1},
      {"/request/number", 1e30},
      {"/cost/sample_gradients", 1e300},
      {"/version", 1.5}};
  for (const auto& [place, value] : counts)
    EXPECT_THROW(render_certificate(changed(Json::json_pointer(place), value), "certificate"),
                 InputError)
        << place;
}

TEST_F(VerifyTest, APageShowsForeignTextAsText) {
  auto json = Json::parse(read_file(DeskFolder(desk_).certificate(1)));
  json["not_promised"][0] = "<script>alert(1)</script>";
  json["desk"] = "<img src=x>";
  const auto page = render_certificate(json.dump(), "certificate");
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_EQ(page.find("<img"), std::string::npos);
}

}  // namespace
}  // namespace expunge::desk
