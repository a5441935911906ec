#include "expunge/desk/signatures.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "core/put_file.h"
#include "core/scratch_folder.h"
#include "expunge/core/error.h"

namespace expunge::desk {
namespace {

// RFC 8032, 7.1, test 2: the secret key in PKCS #8, its public key, and the signature of the byte 0x72.
constexpr const char* kSecret =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7\n"
    "-----END PRIVATE KEY-----\n";

std::string hex_of(const std::string& bytes) {
  std::string text;
  for (const unsigned char c : bytes) text += fmt::format("{:02x}", c);
  return text;
}

TEST(Signatures, Sha256OfThePublishedExample) {
  EXPECT_EQ(sha256_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Signatures, Ed25519OfThePublishedExample) {
  const ScratchFolder folder;
  put_file(folder / "key.pem", kSecret);
  EXPECT_EQ(hex_of(SigningKey::read(folder / "key.pem").sign("\x72")),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
}

TEST(Signatures, HoldForTheirMessageAndKeyAlone) {
  const auto key = SigningKey::generate();
  const auto signature = key.sign("what is said");
  EXPECT_TRUE(is_signed("what is said", signature, key.public_pem(), "key"));
  EXPECT_FALSE(is_signed("what is sayd", signature, key.public_pem(), "key"));
  EXPECT_FALSE(is_signed("what is said", signature, SigningKey::generate().public_pem(), "key"));
  for (size_t at = 0; at < signature.size(); ++at) {
    auto changed = signature;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    EXPECT_FALSE(is_signed("what is said", changed, key.public_pem(), "key")) << at;
  }
  EXPECT_FALSE(is_signed("what is said", "", key.public_pem(), "key"));
}

TEST(Signatures, KeyFilesAreTheOwnersAndComeBack) {
  const ScratchFolder folder;
  const auto key = SigningKey::generate();
  key.write(folder / "signing.pem");
  struct stat info {};
  ASSERT_EQ(::stat((folder / "signing.pem").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  EXPECT_EQ(SigningKey::read(folder / "signing.pem").public_pem(), key.public_pem());
}

TEST(Signatures, RefuseOtherKeys) {
  const ScratchFolder folder;
  const auto key = SigningKey::generate();
  for (const std::string text :
       {"", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}) {
    put_file(folder / "bad.pem", text);
    EXPECT_THROW(SigningKey::read(folder / "bad.pem"), InputError);
    EXPECT_THROW(is_signed("m", "s", text, "bad.pem"), InputError);
  }
  put_file(folder / "bad.pem", key.public_pem());
  EXPECT_SAYS(message_of<InputError>([&] { SigningKey::read(folder / "bad.pem"); }), "private key");
  put_file(folder / "bad.pem", std::string(100000, 'A'));
  EXPECT_THROW(SigningKey::read(folder / "bad.pem"), InputError);
}

TEST(Signatures, SecretsAreComparedWhole) {
  EXPECT_TRUE(same_secret("token", "token"));
  EXPECT_FALSE(same_secret("token", "tokem"));
  EXPECT_FALSE(same_secret("token", "token1"));
  EXPECT_FALSE(same_secret("", "token"));
}

TEST(Signatures, RandomTextsDiffer) {
  EXPECT_EQ(random_hex(16).size(), 32U);
  EXPECT_NE(random_hex(16), random_hex(16));
}

}  // namespace
}  // namespace expunge::desk
