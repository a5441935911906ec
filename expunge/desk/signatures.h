// Digests and signatures, by OpenSSL (docs/decisions): SHA-256 (FIPS 180-4) and Ed25519 (RFC 8032).
//
// Keys and signatures are in the formats that `openssl pkeyutl` reads, so that nobody needs this program to check
// a certificate (docs/desk.md has the command).
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace expunge::desk {

/// 64 hexadecimal digits.
std::string sha256_of(std::string_view bytes);
std::string sha256_of_file(const std::filesystem::path& path);

/// `bytes` unguessable bytes as hexadecimal digits. SystemError if the system has none.
std::string random_hex(size_t bytes);

/// Whether two texts are the same, in a time that does not tell where they differ.
bool same_secret(std::string_view a, std::string_view b);

/// Signs. The key never leaves this class but into its file.
class SigningKey {
 public:
  /// A new one.
  static SigningKey generate();
  /// From PKCS #8 PEM. InputError for anything else.
  static SigningKey read(const std::filesystem::path& path);
  /// PKCS #8 PEM, readable by the owner alone. The file appears whole or not at all.
  void write(const std::filesystem::path& path) const;
  /// SubjectPublicKeyInfo PEM.
  [[nodiscard]] std::string public_pem() const;
  /// 64 bytes: Ed25519 of the message itself.
  [[nodiscard]] std::string sign(std::string_view message) const;

 private:
  struct Key;
  explicit SigningKey(std::shared_ptr<Key> key) : key_(std::move(key)) {}
  std::shared_ptr<Key> key_;
};

/// Whether `signature` is that of `message` by the key. InputError, beginning with `where`, if the PEM is no
/// Ed25519 public key.
bool is_signed(std::string_view message, std::string_view signature, const std::string& public_pem,
               const std::string& where);

}  // namespace expunge::desk
