"""The official iCub (iCubGazeboV2_5 of the PyPI package icub-models, CC BY-SA 4.0) as a MuJoCo model.

The URDF is trimmed to what imitation needs: the upper body on a fixed base, five driven joints in each arm,
every other joint fixed at zero. Visual meshes only, reduced for drawing; nothing collides, so an arm can pass
through the chest. Which postures would do so is told by `models.icub.collision`.
"""

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from models.files.cache import cache_folder
from models.icub.eyes import add_eyes
from models.icub.kinematics import ARM_JOINTS
from models.icub.leds import add_leds, lay_leds
from models.icub.meshes import reduced_meshes

if TYPE_CHECKING:
    import mujoco

ROBOT: Final = "iCubGazeboV2_5"
MODEL_JOINTS: Final = tuple(f"{side}_{joint}" for side in ("r", "l") for joint in ARM_JOINTS)
"""The model's names of the ten joints of a posture: the right arm, then the left."""
BODY_JOINTS: Final = (
    *(f"{side}_wrist_{joint}" for side in ("r", "l") for joint in ("pitch", "yaw")),
    *(f"torso_{joint}" for joint in ("yaw", "roll", "pitch")),
    *(f"neck_{joint}" for joint in ("pitch", "roll", "yaw")),
)
"""The other joints of the upper body that the model has; they are fixed unless asked for."""

BALL: Final = "ball"
BALL_RADIUS: Final = 40.0
"""Of the ball, millimetres."""

TIMESTEP: Final = 0.005
"""Seconds per physics step."""
STIFFNESS_RATE: Final = 40.0
"""Natural frequency of the position control in rad/s: a step settles to 1 % in 6.6 / 40 s = 0.17 s."""
ARMATURE: Final = 0.05
"""Inertia of the motors as seen at the joints, kg m^2: keeps light joints as stiff as heavy ones."""
TORSO_ARMATURE: Final = 2.0
"""The same of the torso, whose larger motors hold it while the arms swing."""

FIELD_OF_VIEW: Final = 30.0
"""Of the camera, degrees."""
WALL_EMISSION: Final = 0.15
"""Light of the wall's own, so that it is brighter than the robot."""

_DROPPED_ROOTS: Final = ("r_hip_1", "l_hip_1")
_BELOW_THE_KNEES: Final = ("r_lower_leg", "l_lower_leg")


def read_urdf(joints: tuple[str, ...] = MODEL_JOINTS, collisions: bool = False) -> ET.Element:
    """Returns the trimmed URDF, in which only `joints` move.

    Args:
        joints: Names of the joints that move.
        collisions: What may be touched: the legs down to the knees, and collision meshes instead of visual ones.
    """
    robot = whole_urdf()
    for root in _BELOW_THE_KNEES if collisions else _DROPPED_ROOTS:
        _remove_subtree(robot, root)
    carriers = {str(parent.get("link")) for parent in robot.findall("joint/parent")}
    for link in robot.findall("link"):
        if link.find("visual") is None and link.get("name") not in carriers:
            _remove_subtree(robot, str(link.get("name")))  # only a frame (skin patch, gyroscope): it costs time
    for joint in robot.findall("joint"):
        if joint.get("name") not in joints:
            joint.set("type", "fixed")
    strip(robot, "visual" if collisions else "collision")
    return robot


def whole_urdf() -> ET.Element:
    """Returns the URDF of the whole robot, without what only a simulator in Gazebo needs."""
    import icub_models

    text = Path(icub_models.get_model_file(ROBOT)).read_text(encoding="utf-8")
    text = text.replace("package://iCub", str(Path(icub_models.get_models_path()).parent))
    robot = ET.fromstring(text)  # noqa: S314 (a file of an installed package)
    strip(robot, "gazebo", "sensor")
    return robot


def strip(robot: ET.Element, *tags: str) -> None:
    """Removes the elements with these tags."""
    for tag in tags:
        for parent in robot.findall(f".//{tag}/.."):
            for element in parent.findall(tag):
                parent.remove(element)


def specify(robot: ET.Element, assets: dict[str, bytes] | None = None) -> "mujoco.MjSpec":
    """Returns a URDF, and contents of files that it names, for MuJoCo; fixed links stay bodies of their own."""
    import mujoco

    options = {"strippath": "false", "discardvisual": "false", "fusestatic": "false"}
    ET.SubElement(ET.SubElement(robot, "mujoco"), "compiler", options)
    return mujoco.MjSpec.from_string(ET.tostring(robot, encoding="unicode"), assets=assets)


def meshes(robot: ET.Element, tag: str) -> dict[str, ET.Element]:
    """Returns the mesh below a tag ("visual" or "collision") of each link that has one, by its name."""
    found = {str(link.get("name")): link.find(f"{tag}/geometry/mesh") for link in robot.findall("link")}
    return {name: mesh for name, mesh in found.items() if mesh is not None}


def _remove_subtree(robot: ET.Element, link: str) -> None:
    """Removes a link, the joint that carries it, and everything it carries."""
    for child in robot.findall(f"joint/parent[@link='{link}']/../child"):
        _remove_subtree(robot, str(child.get("link")))
    for element in robot.findall(f"joint/child[@link='{link}']/..") + robot.findall(f"link[@name='{link}']"):
        robot.remove(element)


def build_model(size: int = 224, folder: Path | None = None, body: bool = False) -> "mujoco.MjModel":
    """Compiles the robot with its scene.

    Args:
        size: Width and height of the largest picture that will be drawn, pixels.
        folder: Of the mesh cache; None for `cache_folder()`.
        body: The joints of wrists, torso and neck move, too, and there are cameras in the eyes.

    Returns:
        A model with the joints and position actuators of `MODEL_JOINTS`, followed with `body` by those of
        `BODY_JOINTS`. Metres; x points backwards, y to the robot's right, z up; the origin is the root link (the
        hips).
    """
    joints = MODEL_JOINTS + BODY_JOINTS if body else MODEL_JOINTS
    robot = read_urdf(joints)
    elements = meshes(robot, "visual")
    sources = {f"{link}.stl": Path(str(mesh.get("filename"))) for link, mesh in elements.items()}
    for link, mesh in elements.items():
        mesh.set("filename", f"{link}.stl")
    spec = specify(robot, reduced_meshes(sources, cache_folder() if folder is None else folder))
    _add_physics(spec, joints)
    _add_scene(spec, size)
    add_eyes(spec, moving=body)  # the head's mesh has sockets without eyes
    add_leds(spec)
    for geom in spec.geoms:
        geom.contype = geom.conaffinity = 0
    model = spec.compile()
    _tune(model, joints)
    lay_leds(model)
    return model


def _add_physics(spec: "mujoco.MjSpec", joints: tuple[str, ...]) -> None:
    """Adds the motors; the weight of the arms is carried by gravity compensation, as on the robot itself."""
    import mujoco

    spec.option.timestep = TIMESTEP
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    for body in spec.bodies:
        body.gravcomp = 1.0
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
    """Adds a light wall, a stand in place of the legs, a ball, and light that is symmetric about the robot."""
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
    spec.add_material(name="wall", specular=0.0, shininess=0.0, emission=WALL_EMISSION)
    world.add_geom(name="wall", type=shapes.mjGEOM_BOX, size=[0.01, 20, 20], pos=[4, 0, 0], material="wall")
    look = {"pos": [0.01, 0, -0.55], "rgba": [0.45, 0.46, 0.48, 1]}
    world.add_geom(name="stand", type=shapes.mjGEOM_CYLINDER, size=[0.04, 0.5, 0], **look)
    ball = world.add_body(name=BALL, mocap=True)  # not drawn until somebody puts it somewhere
    size_and_colour = {"size": [BALL_RADIUS / 1000.0, 0, 0], "rgba": [0.1, 0.65, 0.2, 0]}
    ball.add_geom(name=BALL, type=shapes.mjGEOM_SPHERE, **size_and_colour)
