#include "expunge/desk/signatures.h"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <vector>

#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/core/system_calls.h"

namespace expunge::desk {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostPem = 16384;

template <auto function>
struct FreeBy {
  template <class T>
  void operator()(T* pointer) const {
    function(pointer);
  }
};
using Bio = std::unique_ptr<BIO, FreeBy<BIO_free_all>>;
using Context = std::unique_ptr<EVP_MD_CTX, FreeBy<EVP_MD_CTX_free>>;
using PublicKey = std::unique_ptr<EVP_PKEY, FreeBy<EVP_PKEY_free>>;

void require_success(int code) {
  if (code != 1) fail<SystemError>("OpenSSL refused what it was asked");
}

std::string hex(const unsigned char* bytes, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) text += fmt::format("{:02x}", bytes[i]);
  return text;
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<size_t>(size)};
}

Bio reader_of(std::string_view text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// SHA-256 of bytes that come in parts.
class Digest {
 public:
  Digest() : context_(EVP_MD_CTX_new()) {
    require_success(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr));
  }
  void add(const void* bytes, size_t count) {
    require_success(EVP_DigestUpdate(context_.get(), bytes, count));
  }
  std::string hex_digits() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    require_success(EVP_DigestFinal_ex(context_.get(), digest.data(), &size));
    return hex(digest.data(), size);
  }

 private:
  Context context_;
};

// Asks for no passphrase: a key that has one is refused.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

}  // namespace

struct SigningKey::Key {
  explicit Key(EVP_PKEY* owned) : pair(owned) {}
  ~Key() { EVP_PKEY_free(pair); }
  Key(const Key&) = delete;
  Key& operator=(const Key&) = delete;
  EVP_PKEY* pair;
};

std::string sha256_of(std::string_view bytes) {
  Digest digest;
  digest.add(bytes.data(), bytes.size());
  return digest.hex_digits();
}

std::string sha256_of_file(const fs::path& path) {
  const MappedFile file(path);
  return sha256_of(file.text());
}

std::string random_hex(size_t bytes) {
  std::vector<unsigned char> drawn(bytes);
  if (RAND_bytes(drawn.data(), static_cast<int>(bytes)) != 1)
    fail<SystemError>("OpenSSL has no random bytes");
  return hex(drawn.data(), bytes);
}

bool same_secret(std::string_view a, std::string_view b) {
  // Digests are of one length: how long the secret is stays one, too.
  const auto x = sha256_of(a);
  const auto y = sha256_of(b);
  return CRYPTO_memcmp(x.data(), y.data(), x.size()) == 0;
}

SigningKey SigningKey::generate() {
  PublicKey pair(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  if (!pair) fail<SystemError>("OpenSSL made no key");
  return SigningKey(std::make_shared<Key>(pair.release()));
}

SigningKey SigningKey::read(const fs::path& path) {
  if (fs::file_size(path) > kMostPem)
    fail<InputError>("{}: an Ed25519 private key in PEM required", path.string());
  auto text = read_file(path);
  const auto bio = reader_of(text);
  PublicKey pair(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  OPENSSL_cleanse(text.data(), text.size());
  if (!pair || EVP_PKEY_id(pair.get()) != EVP_PKEY_ED25519)
    fail<InputError>("{}: an Ed25519 private key in PEM, without a passphrase, required",
                     path.string());
  return SigningKey(std::make_shared<Key>(pair.release()));
}

void SigningKey::write(const fs::path& path) const {
  const Bio bio(BIO_new(BIO_s_secmem()));
  require_success(
      PEM_write_bio_PKCS8PrivateKey(bio.get(), key_->pair, nullptr, nullptr, 0, nullptr, nullptr));
  auto text = text_of(bio.get());
  // AtomicFile has no word in the mode that a file begins with.
  const auto unfinished = path.string() + ".new";
  ::unlink(unfinished.c_str());
  const int file = open_retrying(unfinished, O_WRONLY | O_CREAT | O_EXCL, S_IRUSR | S_IWUSR);
  if (file < 0) fail_system(path, "cannot be made", errno);
  int error = write_all(file, text);
  if (error == 0) error = sync_file(file);
  ::close(file);
  OPENSSL_cleanse(text.data(), text.size());
  if (error != 0) {
    ::unlink(unfinished.c_str());
    fail_system(path, "cannot be written", error);
  }
  fs::rename(unfinished, path);
}

std::string SigningKey::public_pem() const {
  const Bio bio(BIO_new(BIO_s_mem()));
  require_success(PEM_write_bio_PUBKEY(bio.get(), key_->pair));
  return text_of(bio.get());
}

std::string SigningKey::sign(std::string_view message) const {
  const Context context(EVP_MD_CTX_new());
  require_success(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_->pair));
  const auto* bytes = reinterpret_cast<const unsigned char*>(message.data());
  size_t size = 64;
  std::string signature(size, '\0');
  require_success(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()),
                                 &size, bytes, message.size()));
  signature.resize(size);
  return signature;
}

bool is_signed(std::string_view message, std::string_view signature, const std::string& public_pem,
               const std::string& where) {
  const auto bio = reader_of(public_pem);
  const PublicKey key(PEM_read_bio_PUBKEY(bio.get(), nullptr, no_passphrase, nullptr));
  if (!key || EVP_PKEY_id(key.get()) != EVP_PKEY_ED25519)
    fail<InputError>("{}: an Ed25519 public key in PEM required", where);
  const Context context(EVP_MD_CTX_new());
  require_success(EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()));
  return EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                          signature.size(), reinterpret_cast<const unsigned char*>(message.data()),
                          message.size()) == 1;
}

}  // namespace expunge::desk
