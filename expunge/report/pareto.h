// Which of many choices are worth making: those that no other beats in both cost and score.
#pragma once

#include <cstddef>
#include <vector>

namespace expunge {

/// Indices of the Pareto frontier, least cost first, where less is better in both: choice i is on
/// it unless another costs no more and scores no more, and is better in one of the two. Of equal
/// choices the first is taken.
/// Throws InputError unless there are as many scores as costs, NonFiniteError for NaN and infinity.
std::vector<size_t> pareto_frontier(const std::vector<double>& costs,
                                    const std::vector<double>& scores);

}  // namespace expunge
