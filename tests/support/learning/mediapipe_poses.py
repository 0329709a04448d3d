"""What mediapipe itself sees in pictures: a script for an environment of its own, since it needs NumPy 1.

    .venv/mediapipe/bin/python tests/support/learning/mediapipe_poses.py pictures.npz poses.npz

The first file holds pictures (H, W, 3) of uint8 by name. The second one gets, by the same names, the landmarks
(33, 7): x, y in parts of the picture, z, visibility, and x, y, z in metres; no rows where nobody is seen. `make
test` makes the environment without mediapipe's other dependencies, which this part of it imports to draw and to
hear.
"""

import sys
from types import ModuleType

import numpy as np

for name in ("matplotlib", "matplotlib.pyplot", "sounddevice"):
    sys.modules[name] = ModuleType(name)


def main(pictures: str, poses: str) -> None:
    """Looks at each picture as if it were the first."""
    from mediapipe.python.solutions.pose import Pose

    found = {}
    with np.load(pictures) as given, Pose(static_image_mode=True, model_complexity=1) as pose:
        for name in given.files:
            seen = pose.process(given[name])
            rows = []
            if seen.pose_landmarks is not None:
                both = (seen.pose_landmarks.landmark, seen.pose_world_landmarks.landmark)
                for one, world in zip(*both, strict=True):
                    rows.append([one.x, one.y, one.z, one.visibility, world.x, world.y, world.z])
            found[name] = np.array(rows)
    np.savez(poses, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
