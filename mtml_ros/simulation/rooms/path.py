"""The walked path of a scan: where the camera stands and what it looks at."""

from __future__ import annotations

import math

import numpy as np

from mtml_ros.simulation.rooms.layout import Plan
from mtml_ros.simulation.rooms.settings import Dice
from mtml_ros.simulation.sensor import Camera


def walk(plan: Plan, dice: Dice) -> list[Camera]:
    """Cameras along a walk through the free floor, in the order of the walk.

    A hand-held camera turns to what stands about (as people do who scan a room); a robot's looks
    level and ahead, and turns about itself now and then.
    """
    scan = dice.settings.scan
    number = scan.min_poses + int(plan.area * scan.poses_per_square_metre * dice.uniform(0.6, 1.4))
    number = min(number, scan.max_poses)
    robot = dice.chance(scan.robot_share)
    height = dice.uniform(*(scan.robot_heights if robot else scan.heights))
    height = min(height, plan.height - 0.3)
    stops = _tour(_free_floor(plan, dice, 60), max(2, number // 3), dice)
    along = np.linspace(0, len(stops) - 1, number)
    x = np.interp(along, np.arange(len(stops)), stops[:, 0])
    y = np.interp(along, np.arange(len(stops)), stops[:, 1])
    targets = _targets(plan)
    looked = np.zeros(len(targets))
    cameras = []
    heading, tilt = dice.turn(), dice.uniform(-0.5, 0.0)
    for i in range(number):
        position = np.array([x[i], y[i], height + dice.normal(0.02 if robot else 0.12)])
        if robot:
            heading += dice.pick((0.5, 0.8, 1.2)) * dice.uniform(0.6, 1.3)
            pitch = dice.normal(0.1) + tilt
        else:
            at = _next_target(targets, looked, position, dice)
            dx, dy, dz = targets[at] - position
            heading = math.atan2(dy, dx) + dice.normal(0.15)
            pitch = math.atan2(dz, math.hypot(dx, dy)) + dice.normal(0.1)
            pitch = min(max(pitch, -1.1), 0.5)
        cameras.append(Camera(position, heading, pitch))
    return cameras


def _free_floor(plan: Plan, dice: Dice, tries: int) -> np.ndarray:
    """(n, 2), n >= 1: places where a person may stand, away from walls and furniture."""
    low, high = plan.outline.min(axis=0), plan.outline.max(axis=0)
    points = dice.rng.uniform(low, high, (tries, 2))
    reach = min(0.3, 0.15 * float((high - low).min()))
    around = points[:, None] + reach * np.array([(-1, -1), (-1, 1), (1, -1), (1, 1)])
    free = plan.contains(around.reshape(-1, 2)).reshape(-1, 4).all(axis=1)
    for item in plan.items:
        if not item.solid or item.z > 1.0:
            continue
        for x, y, hx, hy, yaw, _, _ in item.rectangles():
            c, s = math.cos(yaw), math.sin(yaw)
            local = (points - (x, y)) @ np.array([[c, -s], [s, c]])
            free &= (np.abs(local[:, 0]) > hx + 0.15) | (np.abs(local[:, 1]) > hy + 0.15)
    if free.any():
        return points[free]
    inside = points[plan.contains(points)]
    middle: np.ndarray = plan.outline.mean(axis=0, keepdims=True)
    return inside if len(inside) else middle


def _tour(points: np.ndarray, stops: int, dice: Dice) -> np.ndarray:
    """(m, 2): some of the points, each followed by its nearest that is left."""
    left = points[dice.rng.permutation(len(points))[:stops]]
    tour = [left[0]]
    left = left[1:]
    while len(left):
        nearest = int(np.argmin(((left - tour[-1]) ** 2).sum(axis=1)))
        tour.append(left[nearest])
        left = np.delete(left, nearest, axis=0)
    return np.array(tour)


def _targets(plan: Plan) -> np.ndarray:
    """(n, 3) what there is to look at: each object, spots of walls, spots of the floor."""
    spots = [(i.x, i.y, i.z + 0.5 * i.model.size[2]) for i in plan.items if i.instance >= 0]
    for wall in plan.walls:
        for along in np.arange(0.5, wall.length, 1.2):
            spots.append((*wall.at(float(along), 0.0), 1.0))
    low, high = plan.outline.min(axis=0) + 0.5, plan.outline.max(axis=0)
    floor = np.stack(np.meshgrid(*(np.arange(a, b, 1.3) for a, b in zip(low, high))), axis=-1)
    floor = floor.reshape(-1, 2)
    floor = floor[plan.contains(floor)]
    return np.concatenate([np.array(spots), np.pad(floor, ((0, 0), (0, 1)))])


def _next_target(targets: np.ndarray, looked: np.ndarray, position: np.ndarray, dice: Dice) -> int:
    """Something 1-4 m away that was looked at little; counts the look."""
    distance = np.linalg.norm(targets - position, axis=1)
    weight = np.exp(-(((distance - 2.2) / 1.2) ** 2)) / (1 + looked) ** 2 + 1e-4
    at = int(dice.rng.choice(len(targets), p=weight / weight.sum()))
    looked += np.exp(-((np.linalg.norm(targets - targets[at], axis=1) / 0.8) ** 2))
    return at
