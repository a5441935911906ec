// Living-17 of the BREEDS benchmark (Santurkar, Tsipras, Madry, arXiv 2008.04859): 17 kinds of animals, each of four
// classes of ImageNet. BREEDS parts the four at random into two domains, to ask whether a network that was trained on
// one knows the other.
#pragma once

#include <vector>

#include "expunge/data/image_list.h"

namespace expunge {

/// Which subpopulations of each class: the two that BREEDS trains on, the two that it tests on, or all four.
enum class Living17Domain { both, source, target };

/// The 17 classes by BREEDS' names and in its order, each with its folders: WordNet ids, source before target.
std::vector<ImageClass> living17_classes(Living17Domain domain = Living17Domain::both);

}  // namespace expunge
