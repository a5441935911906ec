// What was exported from a desk: the public key and two certificates.
#include "expunge/desk/certificate.h"

#include "expunge/desk/verify.h"
#include "fuzz_input.h"

using namespace expunge;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static fuzz::Scratch scratch;
  const auto parts = fuzz::parts_of(fuzz::text_of(data, size), 3);
  scratch.put("public.pem", parts[0]);
  [[maybe_unused]] static const bool others = [] {
    for (const char* version : {"versions/0000/", "versions/0001/"}) {
      for (const char* name : {"certificate.sig", "certificate.html", "certificate.html.sig"})
        scratch.put(std::string(version) + name, std::string(64, 's'));
    }
    return true;
  }();
  for (const size_t k : {0, 1}) {
    scratch.put(fmt::format("versions/000{}/certificate.json", k), parts[k + 1]);
    if (parts[k + 1])
      fuzz::reading(
          [&] { fuzz::touch(desk::render_certificate(std::string(*parts[k + 1]), "c")); });
  }
  fuzz::reading([&] {
    for (const auto& fault : desk::verify_folder(scratch.folder()).faults) {
      if (fault.find('\n') != std::string::npos) fuzz::broken("a fault of several lines: " + fault);
    }
  });
  return 0;
}
