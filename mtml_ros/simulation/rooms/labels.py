"""Class indices of ScanNet's taxonomy by name, for the furniture to carry."""

from mtml_ros.core.taxonomy import UNKNOWN, Taxonomy

_NAMES = Taxonomy.scannet().index

WALL, FLOOR, CABINET, BED, CHAIR = map(_NAMES, ("wall", "floor", "cabinet", "bed", "chair"))
SOFA, TABLE, DOOR, WINDOW, BOOKSHELF = map(_NAMES, ("sofa", "table", "door", "window", "bookshelf"))
PICTURE, COUNTER, DESK, CURTAIN = map(_NAMES, ("picture", "counter", "desk", "curtain"))
REFRIGERATOR, SHOWER_CURTAIN, TOILET = map(_NAMES, ("refrigerator", "shower curtain", "toilet"))
SINK, BATHTUB, OTHER_FURNITURE = map(_NAMES, ("sink", "bathtub", "otherfurniture"))
UNLABELLED = UNKNOWN
