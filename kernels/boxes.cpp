// The least box: the outline from above, and each direction that may be the box's.
#include "boxes.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace mtml {
namespace {

struct Point {
  std::int64_t x, y;
};

std::int64_t turn(Point a, Point b, Point c) {
  return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
}

// One side of the outline by Andrew's monotone chain, without its last point.
void add_chain(const std::vector<Point>& points, std::vector<Point>& outline) {
  const auto first = outline.size();
  for (const auto p : points) {
    while (outline.size() >= first + 2 && turn(outline.end()[-2], outline.back(), p) <= 0)
      outline.pop_back();
    outline.push_back(p);
  }
  outline.pop_back();
}

// Counter-clockwise; of one point that point. x and y from 0 up, x below `columns`.
std::vector<Point> outline_of(const std::vector<Point>& points, std::int64_t columns) {
  // only the lowest and the highest of each column can be on it
  constexpr auto NONE = std::numeric_limits<std::int64_t>::max();
  std::vector<std::int64_t> low(columns, NONE), high(columns, -1);
  for (const auto p : points) {
    low[p.x] = std::min(low[p.x], p.y);
    high[p.x] = std::max(high[p.x], p.y);
  }
  std::vector<Point> ends;
  for (std::int64_t x = 0; x < columns; ++x) {
    if (high[x] < 0) continue;
    ends.push_back({x, low[x]});
    if (low[x] < high[x]) ends.push_back({x, high[x]});
  }
  if (ends.size() < 2) return ends;
  std::vector<Point> outline;
  add_chain(ends, outline);
  std::reverse(ends.begin(), ends.end());
  add_chain(ends, outline);
  return outline;
}

// The angle that a direction has from the nearest of the four axes that is clockwise of it.
double from_axis(Point edge) {
  const double quarter = std::acos(-1.0) / 2;
  const double angle = std::fmod(std::atan2(double(edge.y), double(edge.x)), quarter);
  return angle < 0 ? angle + quarter : angle;
}

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -low;

  void take(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

}  // namespace

Box least_box(const std::int64_t* coordinates, std::int64_t count) {
  // whole numbers around a corner of their own: exact, and the same wherever the object stands
  std::int64_t corner[3], top[3];
  for (int d = 0; d < 3; ++d) corner[d] = top[d] = coordinates[d];
  for (std::int64_t i = 0; i < count; ++i)
    for (int d = 0; d < 3; ++d) {
      corner[d] = std::min(corner[d], coordinates[3 * i + d]);
      top[d] = std::max(top[d], coordinates[3 * i + d]);
    }
  std::vector<Point> points(count);
  for (std::int64_t i = 0; i < count; ++i)
    points[i] = {coordinates[3 * i] - corner[0], coordinates[3 * i + 1] - corner[1]};
  const auto outline = outline_of(points, top[0] - corner[0] + 1);

  std::vector<double> angles{0.0};
  for (std::size_t i = 0; i < outline.size(); ++i) {
    const auto a = outline[i], b = outline[(i + 1) % outline.size()];
    angles.push_back(from_axis({b.x - a.x, b.y - a.y}));
  }
  std::sort(angles.begin(), angles.end());
  angles.erase(std::unique(angles.begin(), angles.end()), angles.end());
  double least = std::numeric_limits<double>::infinity();
  Box box{};
  for (const auto angle : angles) {
    const double c = std::cos(angle), s = std::sin(angle);
    Range along, across;
    for (const auto p : outline) {
      along.take(double(p.x) * c + double(p.y) * s);
      across.take(double(p.y) * c - double(p.x) * s);
    }
    const double own = c + s;  // a voxel's own extent, seen along the box's axes
    const double length = along.high - along.low + own, width = across.high - across.low + own;
    // of equal ones the first, however they are rounded
    const double area = std::nearbyint(length * width * 1e9);
    if (!(area < least)) continue;
    least = area;
    const double x = (along.high + along.low) / 2, y = (across.high + across.low) / 2;
    // the box's x axis is its longer horizontal side, of a square the one that is not turned
    const bool turned = width > length + 1e-9;
    box = {{x * c - y * s, x * s + y * c, double(top[2] - corner[2]) / 2},
           {std::max(length, width), std::min(length, width), double(top[2] - corner[2] + 1)},
           turned ? angle - std::acos(-1.0) / 2 : angle};
  }
  // + 0.5: from a voxel's index to its centre
  for (int d = 0; d < 3; ++d) box.center[d] += double(corner[d]) + 0.5;
  return box;
}

}  // namespace mtml
