"""The messages of a recording.

Each accepted change of a slot is one ``agentspace.Change``, on the topic of the slot's name. If its value is an
image, that precedes it as a ``foxglove.CompressedImage``, with the same sequence number, on the topic
``SLOT/image``. Slots for which there was no topic left share one; there each change has the name of its slot, and
an image has it as its frame.
"""

from typing import Any, Final

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

FORMAT: Final = "1"  #: of the files; a reader refuses what it does not know
ABOUT: Final = "agentspace.recording"  #: the metadata record with which a recording begins
LOSS: Final = "agentspace.loss"  #: a metadata record for each time that changes were lost
END: Final = "agentspace.end"  #: the metadata record with which it ends
SLOT: Final = "slot"  #: key of a channel's metadata: the name of the slot
FURTHER: Final = "further slots"  #: the topic that slots share; a slot cannot be called so
CHANGE: Final = "agentspace.Change"
IMAGE: Final = "foxglove.CompressedImage"

_FIELDS: Final = (
    ("kind", "string"),  # written, delayed, deleted, expired
    ("writer", "string"),
    ("epoch", "uint64"),
    ("revision", "uint64"),
    ("priority", "double"),
    ("validity", "double"),  # seconds from the moment when it happened; inf: for ever
    ("latency", "double"),  # seconds from the root cause
    ("type", "string"),  # of the value: float32[384]
    ("shape", "*uint64"),  # of an array
    ("numbers", "*double"),  # of an array or a number, in C order: to look at
    ("text", "string"),  # of all other values: a str as it is, the rest as JSON; to look at
    ("image", "bool"),  # the value is the image that precedes this message
    ("exact", "bytes"),  # the value, as docs/reference/protocol.md encodes it
    ("slot", "string"),  # on the topic that slots share: its name
)


def _change_class() -> Any:
    file = FileDescriptorProto(name="agentspace/Change.proto", package="agentspace", syntax="proto3")
    message = file.message_type.add(name="Change")
    for number, (name, kind) in enumerate(_FIELDS, 1):
        repeated = kind.startswith("*")
        message.field.add(
            name=name,
            number=number,
            type=FieldDescriptorProto.Type.Value(f"TYPE_{kind.lstrip('*').upper()}"),
            label=FieldDescriptorProto.LABEL_REPEATED if repeated else FieldDescriptorProto.LABEL_OPTIONAL,
        )
    pool = DescriptorPool()
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName(CHANGE))


Change: Any = _change_class()
