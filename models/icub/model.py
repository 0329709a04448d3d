"""The official iCub (iCubGazeboV2_5 of the PyPI package icub-models, CC BY-SA 4.0) as a MuJoCo model.

The URDF is trimmed to what imitation needs: the upper body on a fixed base, five driven joints in each arm,
every other joint fixed at zero. Visual meshes only, reduced for drawing; nothing collides, so an arm can pass
through the chest. Which postures would do so is told by `models.icub.collision`.
"""

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models.files.cache import cache_folder
from models.icub.eyes import add_eyes
from models.icub.kinematics import ARM_JOINTS
from models.icub.meshes import reduced_meshes

if TYPE_CHECKING:
    import mujoco

ROBOT = "iCubGazeboV2_5"
MODEL_JOINTS = tuple(f"{side}_{joint}" for side in ("r", "l") for joint in ARM_JOINTS)
"""What the model calls the ten joints of a posture: the right arm, then the left."""
BODY_JOINTS = (
    *(f"{side}_wrist_{joint}" for side in ("r", "l") for joint in ("pitch", "yaw")),
    *(f"torso_{joint}" for joint in ("yaw", "roll", "pitch")),
    *(f"neck_{joint}" for joint in ("pitch", "roll", "yaw")),
)
"""The other joints of the upper body that the model has; they are fixed unless asked for."""

TIMESTEP = 0.005
"""Seconds per physics step."""
STIFFNESS_RATE = 40.0
"""Natural frequency of the position control in rad/s: a step settles to 1 % in 6.6 / 40 s = 0.17 s."""
ARMATURE = 0.05
"""Inertia of the motors as seen at the joints, kg m^2: keeps light joints as stiff as heavy ones."""
TORSO_ARMATURE = 2.0
"""The same of the torso, whose larger motors hold it while the arms swing."""

FIELD_OF_VIEW = 30.0
"""Of the camera, degrees."""
WALL_EMISSION = 0.15
"""Light of the wall's own, so that it is brighter than the robot."""

_DROPPED_ROOTS = ("r_hip_1", "l_hip_1")
_BELOW_THE_KNEES = ("r_lower_leg", "l_lower_leg")


def read_urdf(joints: tuple[str, ...] = MODEL_JOINTS, collisions: bool = False) -> ET.Element:
    """Returns the trimmed URDF, in which only `joints` move.

    Args:
        joints: Names of the joints that move.
        collisions: What may be touched: the legs down to the knees, and collision meshes instead of visual ones.
    """
    import icub_models

    text = Path(icub_models.get_model_file(ROBOT)).read_text(encoding="utf-8")
    text = text.replace("package://iCub", str(Path(icub_models.get_models_path()).parent))
    robot = ET.fromstring(text)  # noqa: S314 (a file of an installed package)
    for element in [*robot.findall("gazebo"), *robot.findall("sensor")]:
        robot.remove(element)
    for link in _BELOW_THE_KNEES if collisions else _DROPPED_ROOTS:
        _remove_subtree(robot, link)
    _remove_bare_leaves(robot)
    for joint in robot.findall("joint"):
        if joint.get("name") not in joints:
            joint.set("type", "fixed")
    for link_element in robot.findall("link"):
        for unused in link_element.findall("visual" if collisions else "collision"):
            link_element.remove(unused)
    return robot


def _links(joint: ET.Element) -> tuple[str, str]:
    """Returns the names of a joint's parent and child link."""
    ends = [joint.find(tag) for tag in ("parent", "child")]
    parent, child = (str(end.get("link")) if end is not None else "" for end in ends)
    return parent, child


def _remove_subtree(robot: ET.Element, link: str) -> None:
    """Removes a link, the joint that carries it, and everything it carries."""
    for joint in robot.findall("joint"):
        parent, child = _links(joint)
        if parent == link:
            _remove_subtree(robot, child)
        elif child == link:
            robot.remove(joint)
    for element in robot.findall("link"):
        if element.get("name") == link:
            robot.remove(element)


def _remove_bare_leaves(robot: ET.Element) -> None:
    """Removes links that are only frames (skin patches, gyroscopes): they cost time."""
    carriers = {_links(joint)[0] for joint in robot.findall("joint")}
    for link in robot.findall("link"):
        name = str(link.get("name"))
        if link.find("visual") is None and name not in carriers:
            _remove_subtree(robot, name)


def _mesh_elements(robot: ET.Element) -> Mapping[str, ET.Element]:
    """Returns the mesh element of each link that is drawn, by the name of its link."""
    found = {}
    for link in robot.findall("link"):
        mesh = link.find("visual/geometry/mesh")
        if mesh is not None:
            found[str(link.get("name"))] = mesh
    return found


def build_model(size: int = 224, folder: Path | None = None, body: bool = False) -> "mujoco.MjModel":
    """Compiles the robot with its scene.

    Args:
        size: The largest picture that will be drawn, pixels.
        folder: Of the mesh cache; None for `cache_folder()`.
        body: The joints of wrists, torso and neck move, too, and there are cameras in the eyes.

    Returns:
        A model with the joints and position actuators of `MODEL_JOINTS`, followed with `body` by those of
        `BODY_JOINTS`. Metres; x points backwards, y to the robot's right, z up; the origin is the root link (the
        hips).
    """
    import mujoco

    joints = MODEL_JOINTS + BODY_JOINTS if body else MODEL_JOINTS
    robot = read_urdf(joints)
    elements = _mesh_elements(robot)
    sources = {f"{link}.stl": Path(str(mesh.get("filename"))) for link, mesh in elements.items()}
    for link, mesh in elements.items():
        mesh.set("filename", f"{link}.stl")
    options = {"strippath": "false", "discardvisual": "false", "fusestatic": "false"}
    ET.SubElement(ET.SubElement(robot, "mujoco"), "compiler", options)
    assets = reduced_meshes(sources, cache_folder() if folder is None else folder)
    spec = mujoco.MjSpec.from_string(ET.tostring(robot, encoding="unicode"), assets=assets)
    _add_physics(spec, joints)
    _add_scene(spec, size)
    add_eyes(spec, moving=body)  # the head's mesh has sockets without eyes
    model = spec.compile()
    _tune(model, joints)
    return model


def _add_physics(spec: "mujoco.MjSpec", joints: tuple[str, ...]) -> None:
    """Adds the motors; the weight of the arms is carried by gravity compensation, as on the robot itself."""
    import mujoco

    spec.option.timestep = TIMESTEP
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    for body in spec.bodies:
        body.gravcomp = 1.0
    for geom in spec.geoms:
        geom.contype = geom.conaffinity = 0
    for name in joints:
        spec.joint(name).armature = TORSO_ARMATURE if name.startswith("torso") else ARMATURE
        motor = spec.add_actuator(name=name, target=name, trntype=mujoco.mjtTrn.mjTRN_JOINT)
        motor.set_to_position(kp=1.0)  # the gains follow from the inertia, see _tune


def _tune(model: "mujoco.MjModel", joints: tuple[str, ...]) -> None:
    """Sets kp = I w^2 and kv = 2 I w (critical damping), I a joint's inertia with hanging arms."""
    import mujoco

    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    column = np.zeros(model.nv)
    for motor, name in enumerate(joints):
        dof = model.joint(name).dofadr[0]
        mujoco.mj_mulM(model, data, column, np.eye(model.nv)[dof])
        inertia = column[dof]
        model.actuator_gainprm[motor, 0] = inertia * STIFFNESS_RATE**2
        model.actuator_biasprm[motor, 1] = -inertia * STIFFNESS_RATE**2
        model.actuator_biasprm[motor, 2] = -2.0 * inertia * STIFFNESS_RATE


def _add_scene(spec: "mujoco.MjSpec", size: int) -> None:
    """Adds a light wall, a stand in place of the legs, and light that is symmetric about the robot."""
    import mujoco

    visual = spec.visual
    visual.global_.offwidth = visual.global_.offheight = size
    visual.global_.fovy = FIELD_OF_VIEW
    visual.quality.offsamples = 0
    visual.headlight.ambient = visual.headlight.diffuse = [0.33] * 3
    visual.headlight.specular = [0.1] * 3
    world = spec.worldbody
    # Along x and z only, so that a mirrored picture is lit as the picture of the mirrored posture.
    world.add_light(
        name="lamp",
        type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
        dir=[0.6, 0.0, -0.8],
        diffuse=[0.38] * 3,
        specular=[0.15] * 3,
        castshadow=False,
    )
    shapes = mujoco.mjtGeom
    still: dict[str, Any] = {"contype": 0, "conaffinity": 0}
    spec.add_material(name="wall", specular=0.0, shininess=0.0, emission=WALL_EMISSION)
    world.add_geom(
        name="wall", type=shapes.mjGEOM_BOX, size=[0.01, 20, 20], pos=[4, 0, 0], material="wall", **still
    )
    world.add_geom(
        name="stand",
        type=shapes.mjGEOM_CYLINDER,
        size=[0.04, 0.5, 0],
        pos=[0.01, 0, -0.55],
        rgba=[0.45, 0.46, 0.48, 1],
        **still,
    )
