#include "expunge/data/living17.h"

#include <array>

namespace expunge {
namespace {

struct Superclass {
  const char* name;
  std::array<const char*, 4> subclasses;  // two of the source domain, two of the target domain
};

constexpr std::array<Superclass, 17> superclasses = {{
    {"salamander", {"n01631663", "n01632777", "n01630670", "n01632458"}},
    {"turtle", {"n01669191", "n01665541", "n01664065", "n01667114"}},
    {"lizard", {"n01685808", "n01689811", "n01694178", "n01675722"}},
    {"snake", {"n01740131", "n01735189", "n01751748", "n01742172"}},
    {"spider", {"n01774750", "n01773157", "n01773797", "n01775062"}},
    {"grouse", {"n01796340", "n01798484", "n01797886", "n01795545"}},
    {"parrot", {"n01818515", "n01820546", "n01817953", "n01819313"}},
    {"crab", {"n01978287", "n01980166", "n01978455", "n01981276"}},
    {"dog", {"n02088466", "n02086079", "n02111500", "n02086910"}},
    {"wolf", {"n02114855", "n02114712", "n02114548", "n02114367"}},
    {"fox", {"n02120505", "n02120079", "n02119022", "n02119789"}},
    {"domestic cat", {"n02123159", "n02124075", "n02123394", "n02123597"}},
    {"bear", {"n02134418", "n02133161", "n02134084", "n02132136"}},
    {"beetle", {"n02172182", "n02174001", "n02167151", "n02168699"}},
    {"butterfly", {"n02281406", "n02276258", "n02280649", "n02277742"}},
    {"ape", {"n02483362", "n02480495", "n02480855", "n02481823"}},
    {"monkey", {"n02490219", "n02493509", "n02493793", "n02492660"}},
}};

}  // namespace

std::vector<ImageClass> living17_classes(Living17Domain domain) {
  const size_t begin = domain == Living17Domain::target ? 2 : 0;
  const size_t end = domain == Living17Domain::source ? 2 : 4;
  std::vector<ImageClass> classes;
  for (const auto& superclass : superclasses) {
    auto& added = classes.emplace_back(ImageClass{superclass.name, {}});
    for (size_t i = begin; i < end; ++i) added.folders.emplace_back(superclass.subclasses[i]);
  }
  return classes;
}

}  // namespace expunge
