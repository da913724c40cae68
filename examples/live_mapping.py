"""ObjectMapper fed by hand: clouds of a moving sensor in, objects with lasting ids out.

python examples/live_mapping.py
"""

import numpy as np

from mtml_ros import LabeledPoints, ObjectMapper
from mtml_ros.datasets import SCANS
from mtml_ros.io.point_files import read_points

scan = read_points(SCANS / "office_large.npz")
mapper = ObjectMapper.load()
labels = mapper.taxonomy.encode(scan.label)

# The robot walks through the room along x, and sees three metres of it at a time.
start, end = scan.xyz[:, 0].min(), scan.xyz[:, 0].max()
for second, x in enumerate(np.arange(start, end, 1.5)):
    seen = (scan.xyz[:, 0] >= x) & (scan.xyz[:, 0] < x + 3.0)
    mapper.integrate(LabeledPoints(scan.xyz[seen], labels[seen]), stamp=float(second))
    update = mapper.update()
    if update is not None:
        objects = (f"{mapper.taxonomy.names[t.instance.label]} {t.id}" for t in update.tracked)
        print(f"at {x:.1f} m, {len(mapper.map):,} voxels: {', '.join(objects)}")
