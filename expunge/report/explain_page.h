// The page of `expunge explain`: what helped and what hurt a prediction, with pictures.
#pragma once

#include <string>
#include <vector>

#include "expunge/report/report_words.h"
#include "expunge/report/shown_example.h"
#include "expunge/report/svg_canvas.h"

namespace expunge {

struct ExplainedPoint {
  ShownExample asked;               ///< the point, indexed among the evaluation points
  std::string place;                ///< "training example 17", "validation example 3"
  std::vector<Sentence> facts;      ///< what the models say of it, and what the effects are of
  std::vector<ShownExample> helps;  ///< strongest first; values are effect and standard error
  std::vector<ShownExample> hurts;
  std::vector<float> ratios;  ///< effect / error of every other training example; finite
  double freedom = 0;         ///< degrees of freedom of the ratios, above 0
  double threshold = 0;       ///< |ratio| beyond which an effect stands out, above 0
};

struct ExplainPage {
  std::string title;
  std::string subtitle;
  std::vector<ExplainedPoint> points;  ///< at least one
  std::string command;                 ///< that makes the page again
};

/// How the ratios are spread, beside what chance alone gives, the density of Student's t; the
/// threshold on both sides. InputError without ratios, or if freedom or threshold are not above 0.
SvgCanvas ratios_picture(const ExplainedPoint& point);

/// The whole page as UTF-8, which needs no other file; the same data give the same bytes. InputError
/// without points, and as ratios_picture().
std::string render_explanations(const ExplainPage& page);

}  // namespace expunge
